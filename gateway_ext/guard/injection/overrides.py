"""Orders to drop the instructions that the model was given, in the larger languages of the EU."""

from __future__ import annotations

from gateway_ext.guard.injection.phrases import PhraseDetector, gap

_ENGLISH_VERBS = "ignor(?:e|ing)|disregard(?:ing)?|forget|override|bypass|neglect|(?:do not|don't|stop) (?:follow(?:ing)?|obey(?:ing)?)"
_ENGLISH_BEFORE = "previous|prior|preceding|above|earlier|former|foregoing|initial|original|existing|past|other|system"
_ENGLISH_NOUNS = "(?:instruction|prompt|direction|directive|rule|order|command|guideline|programming|restriction|safety|policie|polic)"

# Verb, then which, then what; or verb, then what, then which. The order of adjectives differs between languages.
OVERRIDES = (
    rf"(?:{_ENGLISH_VERBS}){gap(4)}(?:{_ENGLISH_BEFORE}){gap(2)}{_ENGLISH_NOUNS}",
    rf"(?:{_ENGLISH_VERBS}){gap(2)}(?:all|any|every|your){gap(2)}{_ENGLISH_NOUNS}s?"
    rf"(?:{gap(2)}(?:above|before|given|told|received|so far|previously|until now)|[.!;]|{gap(0)}and)",
    rf"(?:{_ENGLISH_VERBS}){gap(1)}(?:everything|anything|all|what){gap(3)}"
    r"(?:you (?:were|have been|are|ve been|'ve been) (?:told|instructed|taught|given)|(?:said|written|stated|came) (?:above|before))",
    r"(?:ignorier\w*|vergiss|vergessen sie|missachte\w*|beachte nicht)"
    rf"{gap(3)}(?:vorherig|bisherig|vorangegangen|vorangehend|obig|früher|vorig|ursprünglich|deine)\S{{0,3}}{gap(2)}"
    r"(?:anweisung|befehl|regel|vorgabe|instruktion|prompt|richtlinie|anleitung)",
    r"(?:ignore[zr]?|oublie[zr]?|ne ti?en[sez]+ pas compte|fais abstraction|faites abstraction)"
    rf"{gap(3)}(?:instruction|consigne|directive|règle|ordre)s?{gap(2)}"
    r"(?:précédent|antérieur|ci-dessus|initiale|d'avant|reçu|donné)",
    r"(?:ignor[ae]|ignorad|olvid[ae]|omit[ea]|descart[ae]|haz caso omiso|no hagas caso)"
    rf"{gap(4)}(?:instruccion|indicacion|orden|órden|regla|directri)\S{{0,4}}{gap(2)}"
    r"(?:anterior|previa|de arriba|iniciale|recibida|que te)",
    r"(?:ignora(?:re|te)?|dimentica(?:re|te)?|trascura|non tenere conto)"
    rf"{gap(3)}(?:istruzion|indicazion|regol|direttiv|ordin)\S{{0,2}}{gap(2)}(?:precedent|di prima|iniziali|ricevut|sopra)",
    r"(?:ignora(?:r|re|te)?|dimentica(?:re|te)?)"
    rf"{gap(3)}precedenti{gap(1)}(?:istruzion|indicazion|regol|direttiv|ordin)",
    r"(?:ignor[ea]|ignorem|esque[cç][ae]|desconsider[ea])"
    rf"{gap(4)}(?:instruç|orientaç|regra|ordens|ordem|diretri)\S{{0,5}}{gap(2)}(?:anterior|prévia|acima|inicia|recebida)",
    r"(?:negeer|vergeet|sla over)"
    rf"{gap(3)}(?:vorig|eerder|bovenstaand|voorgaand|voorafgaand|oorspronkelijk)e?{gap(2)}(?:instructie|opdracht|regel|aanwijzing|prompt)",
    r"(?:z?ignoruj|zapomnij|pomiń|pomi[nń]\S{0,2}|zlekceważ)"
    rf"{gap(3)}(?:poprzedni|wcześniejsz|powyższ|dotychczasow)\S{{1,3}}{gap(2)}(?:instrukcj|poleceni|zasad|wytyczn|rozkaz)",
    rf"(?:ignoră|ignora[tț]i|uită){gap(3)}(?:instruc[tțţ]iuni|reguli|indica[tțţ]ii)\S{{0,4}}{gap(2)}(?:anterio|precedent|de mai sus)",
    rf"(?:ignorera|glöm|bortse från){gap(3)}(?:tidigare|föregående|ovanstående){gap(2)}(?:instruktion|order|regler|anvisning)",
    rf"(?:ignorer|glem|se bort fra){gap(3)}(?:tidligere|forrige|ovenstående|foregående){gap(2)}(?:instruk|ordre|regler|anvisning)",
    rf"(?:ignoruj|zapomeň){gap(3)}(?:předchozí|dosavadní|výše)\S{{0,8}}{gap(2)}(?:pokyn|instrukc|pravid|příkaz)",
)


def override_detector() -> PhraseDetector:
    return PhraseDetector("injection_override", "1", 0.8, OVERRIDES)
