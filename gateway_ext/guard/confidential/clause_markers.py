"""Wording by which clauses of contracts are known, by what the clause is about, in ten languages of the EU.

Only wording that hardly stands outside of contracts; endings of up to three letters are found with it.
"""

from __future__ import annotations

from collections.abc import Mapping

MARKERS: Mapping[str, tuple[str, ...]] = {
    "parties": (
        "hereinafter referred to as", "hereinafter called", "hereinafter the", "by and between", "party of the first part",
        "ci-après dénommé", "ci-après désigné", "ci-après le", "ci-après la", "d'une part", "il a été convenu ce qui suit",
        "nachfolgend bezeichnet als", "nachfolgend Auftraggeber", "nachfolgend Auftragnehmer", "nachstehend genannt",
        "im Folgenden genannt", "im Folgenden Auftraggeber", "im Folgenden Auftragnehmer", "im Folgenden Kunde",
        "en adelante denominado", "en lo sucesivo denominado", "en adelante el", "en lo sucesivo el", "de una parte",
        "di seguito denominato", "di seguito indicato", "in seguito denominato", "da una parte", "si conviene e si stipula",
        "hierna te noemen", "hierna genoemd", "ten deze rechtsgeldig vertegenwoordigd", "komen overeen als volgt",
        "doravante denominado", "doravante designado", "adiante designado", "de uma parte", "primeiro outorgante",
        "zwany dalej", "zwaną dalej", "zwanym dalej", "zwana dalej", "strony ustalają co następuje",
        "nedan kallad", "nedan benämnd", "herefter benævnt", "i det følgende benævnt", "v ďalšom len", "dále jen",
    ),
    "governing_law": (
        "governing law", "governed by and construed", "governed by the laws of", "construed in accordance with the laws",
        "droit applicable", "loi applicable", "régi par le droit", "régi par la loi", "soumis au droit", "soumis à la loi",
        "anwendbares Recht", "gilt das Recht der", "unterliegt dem Recht", "gilt deutsches Recht", "unterliegen dem Recht", "dieser Vertrag unterliegt", "ausschließlich das Recht der", "unter Ausschluss des UN-Kaufrechts",
        "ley aplicable", "legislación aplicable", "se regirá por", "se regirán por", "se rigen por la", "se rige por la ley", "regulado por las leyes",
        "legge applicabile", "regolato dalla legge", "disciplinato dalla legge", "è regolato dal diritto",
        "toepasselijk recht", "is Nederlands recht van toepassing", "beheerst door Nederlands recht", "beheerst door Belgisch recht",
        "lei aplicável", "rege-se pela lei", "regido pela lei", "regulado pela lei",
        "prawo właściwe", "podlega prawu", "stosuje się przepisy Kodeksu cywilnego", "przepisy Kodeksu cywilnego",
        "tillämplig lag", "lovvalg", "rozhodné právo", "řídí se právním řádem",
    ),
    "jurisdiction": (
        "exclusive jurisdiction", "submit to the jurisdiction", "courts of competent jurisdiction", "binding arbitration",
        "compétence exclusive", "tribunaux compétents", "for exclusif", "tribunal de commerce", "attribution de compétence",
        "ausschließlicher Gerichtsstand", "Gerichtsstand ist", "Gerichtsstand für alle",
        "jurisdicción exclusiva", "se someten a la jurisdicción", "se someten a los juzgados", "renuncia a cualquier otro fuero", "juzgados y tribunales",
        "foro competente", "foro esclusivo", "competenza esclusiva",
        "bevoegde rechter", "exclusief bevoegd", "uitsluitend worden voorgelegd aan",
        "foro da comarca", "tribunal competente", "foro exclusivo", "com renúncia a qualquer outro",
        "sąd właściwy", "właściwy dla siedziby", "spory rozstrzygać będzie sąd",
    ),
    "indemnity": (
        "indemnify and hold harmless", "indemnify defend and hold harmless", "shall indemnify", "indemnification",
        "hold harmless", "garantit et relève", "tenir indemne", "s'engage à indemniser", "indemnisera",
        "von sämtlichen Ansprüchen Dritter frei", "stellt den Auftraggeber von", "stellt den Auftragnehmer von", "Freistellung von Ansprüchen", "schadlos halten",
        "mantener indemne", "mantendrá indemne", "indemnizará", "tenere indenne", "manlevare", "terrà indenne", "manleva",
        "vrijwaart", "vrijwaren tegen", "zal schadeloosstellen", "manter indemne", "indemnizará a", "isentar de responsabilidade",
        "zwolni z odpowiedzialności", "zobowiązuje się naprawić szkodę", "zwolnienie z odpowiedzialności",
    ),
    "liability": (
        "limitation of liability", "in no event shall either party", "aggregate liability", "consequential damages",
        "limitation de responsabilité", "la responsabilité totale", "dommages indirects", "en aucun cas responsable",
        "Haftungsbeschränkung", "Haftung ist ausgeschlossen", "indirekte oder Folgeschäden", "haftet unbeschränkt", "haftet nur für Vorsatz", "Vorsatz und grobe Fahrlässigkeit",
        "limitación de responsabilidad", "lucro cesante", "daños indirectos", "limitazione di responsabilità", "danni indiretti", "dolo o colpa grave",
        "aansprakelijkheid is beperkt", "gevolgschade", "opzet of grove schuld", "limitação de responsabilidade", "danos indiretos", "lucros cessantes",
        "ograniczenie odpowiedzialności", "utracone korzyści", "utraconych korzyści",
    ),
    "severability": (
        "severability", "held to be invalid or unenforceable", "invalid illegal or unenforceable", "remaining provisions shall",
        "divisibilité", "nullité d'une clause", "réputée non écrite", "les autres stipulations", "autres dispositions demeureront",
        "salvatorische Klausel", "unwirksam oder undurchführbar", "Wirksamkeit der übrigen Bestimmungen", "unwirksam sein oder werden", "an die Stelle der unwirksamen", "anstelle der unwirksamen",
        "divisibilidad", "nulidad parcial", "fuese declarada nula", "fuera declarada nula", "invalidità parziale", "clausola salvatoria", "nullità di una clausola",
        "nietig of vernietigbaar", "overige bepalingen van deze overeenkomst", "gedeeltelijke nietigheid",
        "nulidade parcial", "for considerada nula", "klauzula salwatoryjna", "nieważność poszczególnych postanowień", "okaże się nieważne",
    ),
    "force_majeure": (
        "force majeure", "acts of God", "act of God", "cas fortuit", "höhere Gewalt", "fuerza mayor", "caso fortuito", "forza maggiore",
        "overmacht", "força maior", "siła wyższa", "siły wyższej", "vyšší moc",
    ),
    "entire_agreement": (
        "entire agreement", "supersedes all prior", "executed in counterparts", "may be amended only in writing", "no waiver of any",
        "intégralité de l'accord", "intégralité des engagements", "annule et remplace", "modifié que par avenant", "avenant signé par les parties",
        "mündliche Nebenabreden", "bedürfen der Schriftform", "Schriftformklausel", "Schriftformerfordernis", "gesamte Vereinbarung",
        "totalidad del acuerdo", "acuerdo íntegro", "sustituye a todos los acuerdos", "intero accordo", "sostituisce ogni precedente", "modifica del presente contratto",
        "volledige overeenkomst", "treedt in de plaats van alle", "acordo integral", "substitui todos os acordos", "totalidade do acordo",
        "wymagają formy pisemnej pod rygorem nieważności", "pod rygorem nieważności", "całość porozumienia",
    ),
    "termination": (
        "terminate this agreement", "termination for convenience", "material breach", "upon thirty days written notice", "days' prior written notice",
        "résiliation de plein droit", "résilier le présent contrat", "mise en demeure restée", "résilié de plein droit", "lettre recommandée avec accusé de réception",
        "Kündigung aus wichtigem Grund", "Recht zur außerordentlichen Kündigung", "Kündigungsfrist beträgt", "Kündigung bedarf der Schriftform",
        "resolver el presente contrato", "resolución del contrato", "incumplimiento grave", "preaviso por escrito",
        "recedere dal presente contratto", "clausola risolutiva espressa", "risoluzione del contratto", "preavviso scritto",
        "deze overeenkomst opzeggen", "deze overeenkomst te ontbinden", "met inachtneming van een opzegtermijn",
        "resolver o presente contrato", "rescisão do contrato", "aviso prévio de",
        "rozwiązać niniejszą umowę", "rozwiązać umowę", "okresu wypowiedzenia", "wypowiedzenia umowy", "ze skutkiem natychmiastowym",
    ),
    "confidentiality": (
        "receiving party", "disclosing party", "non-disclosure agreement", "confidential information means",
        "partie réceptrice", "partie divulgatrice", "informations confidentielles désigne", "accord de confidentialité",
        "empfangende Partei", "offenlegende Partei", "Geheimhaltungsvereinbarung", "vertrauliche Informationen im Sinne", "Stillschweigen zu bewahren",
        "parte receptora", "parte divulgadora", "parte reveladora", "acuerdo de confidencialidad", "parte ricevente", "parte divulgante", "accordo di riservatezza",
        "ontvangende partij", "verstrekkende partij", "geheimhoudingsovereenkomst", "parte recetora", "acordo de confidencialidade",
        "strona otrzymująca", "strona ujawniająca", "umowa o zachowaniu poufności",
    ),
    "assignment": (
        "may not assign this agreement", "successors and permitted assigns", "successors and assigns", "prior written consent of the other party",
        "céder le présent contrat", "accord préalable et écrit", "intuitu personae", "vorherige schriftliche Zustimmung", "Abtretung von Rechten aus diesem Vertrag",
        "ceder el presente contrato", "consentimiento previo y por escrito", "cedere il presente contratto", "previo consenso scritto",
        "voorafgaande schriftelijke toestemming", "ceder o presente contrato", "consentimento prévio e por escrito", "uprzedniej pisemnej zgody",
    ),
    "execution": (
        "in witness whereof", "duly authorised representatives", "duly authorized representatives", "witnesseth", "whereas the parties",
        "en foi de quoi", "fait en deux exemplaires", "en deux exemplaires originaux", "le présent contrat",
        "in zweifacher Ausfertigung", "Gegenstand dieses Vertrages", "Vertragsgegenstand", "die Vertragsparteien", "dieser Vertrag tritt",
        "en prueba de conformidad", "por duplicado ejemplar", "el presente contrato", "letto, confermato e sottoscritto", "il presente contratto",
        "aldus overeengekomen", "in tweevoud opgemaakt", "deze overeenkomst", "feito em duplicado", "o presente contrato",
        "w dwóch jednobrzmiących egzemplarzach", "przedmiotem umowy jest", "niniejsza umowa", "niniejszej umowy",
    ),
}  # fmt: skip
"""Kind of clause → its markers."""
