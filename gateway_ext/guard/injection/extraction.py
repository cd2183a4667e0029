"""Requests for the words that only the operator wrote: the system prompt, in the larger languages of the EU.

The groups named `trigger` are for the prefilter.
"""

from __future__ import annotations

from gateway_ext.guard.injection.phrases import PhraseDetector, gap

_SAY = (
    "(?:repeat|print|output|show|reveal|display|recite|echo|copy|dump|leak|disclose|expose|give me|tell me|write out|type out|summari[sz]e"
    "|translate|spell out|return|list)"
)

EXTRACTIONS = (
    rf"{_SAY}{gap(4)}(?:your|the){gap(2)}"
    r"(?P<trigger>(?:system|initial|hidden|base|master|developer|pre-?)[ -]?(?:prompt|instruction|directive))",
    rf"{_SAY}{gap(3)}(?:your|all of your){gap(2)}(?P<trigger>(?:instructions|prompt|directives))(?:[.!?,]|{gap(0)}(?:verbatim|word for word|in full|exactly|above|as))",
    rf"{_SAY}{gap(3)}(?:words|text|everything|instructions?|prompt|content|messages?|lines?){gap(2)}"
    rf"(?:above|before this|preceding this|prior to this){gap(4)}(?P<trigger>(?:starting|beginning|verbatim|word for word|code ?block|line by line))",
    rf"(?:words|text|everything|prompt|instructions?){gap(2)}above{gap(1)}(?:starting|beginning|that (?:start|begin)s?){gap(2)}"
    r"[\"'`“‘«]?you are",
    rf"(?:start|begin)(?:ing|s)? with{gap(2)}[\"'`“‘«]?you are (?:chatgpt|claude|gemini|an? (?:ai|large|helpful|language))",
    r"what(?: i|'|’)s (?:written )?(?:in )?your (?:system|initial|hidden|secret|original)[ -](?:prompt|instruction|message)",
    r"what (?:are|were) (?:your|the) (?:exact |original |full )?(?:system|initial|hidden|secret)[ -](?:prompt|instruction)s?",
    rf"(?:wiederhole|zeige?|nenne|gib|schreibe?|drucke|verrate?)(?: mir| uns)?{gap(3)}"
    rf"(?:(?:deine[nr]?|ihre[nr]?|den|die){gap(2)}(?P<trigger>system-?[ ]?(?:prompt|anweisung|nachricht)|ursprüngliche\S? anweisung))",
    rf"(?:répète|affiche|montre|révèle|donne|écris|imprime|recopie)[zr]?(?:-moi|-nous)?{gap(3)}"
    rf"(?:(?:ton|votre|le|tes|vos){gap(2)}(?P<trigger>prompt (?:système|initial)|(?:instructions|consignes) (?:système|initiales|cachées|secrètes)|message système))",
    rf"(?:repite|muestra|muéstrame|revela|imprime|dime|escribe|dame|enséñame){gap(3)}"
    rf"(?:(?:tu|su|el|tus|sus|las){gap(2)}(?P<trigger>prompt (?:del? )?(?:sistema|inicial)|(?:instrucciones|indicaciones) (?:del sistema|iniciales|ocultas|secretas)|mensaje (?:del? )?sistema))",
    rf"(?:ripeti|mostra(?:mi)?|rivela|stampa|dimmi|scrivi){gap(3)}"
    rf"(?:(?:il tuo|il|le tue|le){gap(2)}(?P<trigger>prompt (?:di sistema|iniziale)|istruzioni (?:di sistema|iniziali|nascoste|segrete)|messaggio di sistema))",
    rf"(?:repet[ei]|repita|mostr[ea](?:-me)?|revel[ea]|imprim[ae]|diz-me|diga|escrev[ea]){gap(3)}"
    rf"(?:(?:o teu|o seu|seu|as tuas|as suas|suas){gap(2)}(?P<trigger>prompt (?:de|do) sistema|prompt inicial|instruções (?:de sistema|do sistema|iniciais|ocultas)))",
    rf"(?:herhaal|toon|onthul|geef|schrijf|print){gap(3)}(?:je|jouw|uw|de){gap(2)}(?P<trigger>systeem-?[ ]?(?:prompt|instructie|bericht)|verborgen instructie)",
    rf"(?:powtórz|pokaż|wyświetl|ujawnij|wypisz|podaj){gap(3)}(?:(?:swój|swoje|twój|twoje){gap(2)})?"
    r"(?P<trigger>prompt systemowy|instrukcje systemowe|początkowe instrukcje|ukryte instrukcje)",
)


def extraction_detector() -> PhraseDetector:
    return PhraseDetector("injection_prompt_extraction", "1", 0.85, EXTRACTIONS)
