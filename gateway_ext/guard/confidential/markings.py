"""Classification markings by language, in capitals. A letter with a diacritic also stands for the one without.

Sources: EU: Council Decision 2013/488/EU, whose table also gives the members' equivalents; NATO: C-M(2002)49; business
markings: common usage.
"""

from __future__ import annotations

DISTINCTIVE = (
    # European Union, NATO
    "TRÈS SECRET UE", "EU TOP SECRET", "SECRET UE", "EU SECRET", "CONFIDENTIEL UE", "EU CONFIDENTIAL", "RESTREINT UE", "EU RESTRICTED",
    "COSMIC TOP SECRET", "NATO SECRET", "NATO CONFIDENTIAL", "NATO RESTRICTED", "OTAN CONFIDENTIEL", "DIFFUSION RESTREINTE OTAN",
    # fr, de
    "SECRET DÉFENSE", "CONFIDENTIEL DÉFENSE", "CONFIDENTIEL INDUSTRIE", "DIFFUSION RESTREINTE", "DIFFUSION LIMITÉE", "SPÉCIAL FRANCE", "STRICTEMENT CONFIDENTIEL", "USAGE INTERNE UNIQUEMENT",
    "VS-NUR FÜR DEN DIENSTGEBRAUCH", "VS-NFD", "VS-VERTRAULICH", "NUR FÜR DEN DIENSTGEBRAUCH", "STRENG GEHEIM", "STRENG VERTRAULICH", "NUR FÜR DEN INTERNEN GEBRAUCH", "NUR FÜR INTERNEN GEBRAUCH",
    # es, it, pt
    "DIFUSIÓN LIMITADA", "ESTRICTAMENTE CONFIDENCIAL", "SOLO PARA USO INTERNO", "RISERVATISSIMO", "STRETTAMENTE RISERVATO", "STRETTAMENTE CONFIDENZIALE", "SOLO PER USO INTERNO",
    "ESTRITAMENTE CONFIDENCIAL", "APENAS PARA USO INTERNO", "MUITO SECRETO",
    # nl, pl, cs, sk, sl, hr
    "STG. CONFIDENTIEEL", "STG. GEHEIM", "DEPARTEMENTAAL VERTROUWELIJK", "STRIKT VERTROUWELIJK", "BEPERKTE VERSPREIDING", "UITSLUITEND VOOR INTERN GEBRUIK",
    "ŚCIŚLE TAJNE", "ŚCIŚLE POUFNE", "DO UŻYTKU WEWNĘTRZNEGO", "PŘÍSNĚ TAJNÉ", "PŘÍSNĚ DŮVĚRNÉ", "PRO VNITŘNÍ POTŘEBU", "PRÍSNE TAJNÉ", "PRÍSNE DÔVERNÉ", "STROGO TAJNO", "STROGO ZAUPNO", "STROGO POVJERLJIVO", "VRLO TAJNO",
    # da, sv, fi, et, lv, lt
    "STRENGT FORTROLIGT", "TIL TJENESTEBRUG", "STRÄNGT KONFIDENTIELLT", "KVALIFICERAT HEMLIG", "BEGRÄNSAT HEMLIG", "ERITTÄIN SALAINEN", "KÄYTTÖ RAJOITETTU", "EHDOTTOMAN LUOTTAMUKSELLINEN",
    "TÄIESTI SALAJANE", "RANGELT KONFIDENTSIAALNE", "SEVIŠĶI SLEPENI", "DIENESTA VAJADZĪBĀM", "VISIŠKAI SLAPTAI", "RIBOTO NAUDOJIMO", "GRIEŽTAI KONFIDENCIALU",
    # hu, ro, bg, el, ga, mt
    "SZIGORÚAN TITKOS", "SZIGORÚAN BIZALMAS", "KORLÁTOZOTT TERJESZTÉSŰ", "STRICT SECRET", "STRICT CONFIDENȚIAL", "SECRET DE SERVICIU", "СТРОГО СЕКРЕТНО", "СТРОГО ПОВЕРИТЕЛНО", "ЗА СЛУЖЕБНО ПОЛЗВАНЕ",
    "ΑΚΡΩΣ ΑΠΟΡΡΗΤΟ", "ΑΚΡΩΣ ΕΜΠΙΣΤΕΥΤΙΚΟ", "ΠΕΡΙΟΡΙΣΜΕΝΗΣ ΧΡΗΣΗΣ", "AN-SICRÉIDEACH", "SIGRIET GĦOLI",
    # en
    "STRICTLY CONFIDENTIAL", "HIGHLY CONFIDENTIAL", "COMPANY CONFIDENTIAL", "PRIVATE AND CONFIDENTIAL", "PRIVATE & CONFIDENTIAL", "COMMERCIAL IN CONFIDENCE", "OFFICIAL-SENSITIVE",
    "PROPRIETARY AND CONFIDENTIAL", "CONFIDENTIAL AND PROPRIETARY", "INTERNAL USE ONLY", "NOT FOR DISTRIBUTION", "ATTORNEY-CLIENT PRIVILEGED", "ATTORNEY CLIENT PRIVILEGE",
)  # fmt: skip
"""Mark a document wherever they stand in capitals, or where they are a line, a header or a footer in any case."""

ORDINARY = (
    "CONFIDENTIAL", "CONFIDENTIEL", "CONFIDENTIELLE", "VERTRAULICH", "CONFIDENCIAL", "RISERVATO", "CONFIDENZIALE", "VERTROUWELIJK", "POUFNE", "DŮVĚRNÉ", "DÔVERNÉ", "ZAUPNO", "POVJERLJIVO",
    "FORTROLIGT", "KONFIDENTIELLT", "LUOTTAMUKSELLINEN", "KONFIDENTSIAALNE", "KONFIDENCIĀLI", "KONFIDENCIALU", "BIZALMAS", "CONFIDENȚIAL", "ПОВЕРИТЕЛНО", "ΕΜΠΙΣΤΕΥΤΙΚΟ", "RÚNDA", "KUNFIDENZJALI",
    "TOP SECRET", "RESTRICTED", "GEHEIM", "ZASTRZEŻONE", "TAJNE", "RESERVADO",
)  # fmt: skip
"""Also words of a sentence: a marking only as a line, a header or a footer of their own, or as the value of a field."""

FIELDS = (
    "Classification", "Security classification", "Document classification", "Information classification", "Confidentiality", "Sensitivity", "Marking", "X-Classification",
    "Niveau de confidentialité", "Klassifizierung", "Klassifikation", "Vertraulichkeit", "Vertraulichkeitsstufe", "Clasificación", "Confidencialidad", "Classificazione", "Riservatezza",
    "Classificatie", "Vertrouwelijkheid", "Classificação", "Klauzula", "Klasyfikacja", "Klassificering", "Luokitus", "Klasifikace",
)  # fmt: skip
"""Names of fields whose value is a marking."""
