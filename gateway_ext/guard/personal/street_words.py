"""How streets are called in the countries of the EU and the EEA, Switzerland and the United Kingdom.

Words are separated by `|`.
"""

from __future__ import annotations

# The word ends the name of the street, or follows it; the number comes next: Hauptstraße 5, Váci utca 10.
BEFORE_NUMBER = (
    "straße|strasse|str.|weg|platz|allee|gasse|damm|chaussee|steig|markt|promenade|"  # AT BE CH DE LI LU
    "straat|laan|plein|gracht|kade|singel|dreef|dijk|steenweg|"  # BE NL
    "gatan|vägen|gränd|torget|stigen|"  # SE
    "gade|gaden|vej|vejen|gate|gaten|gata|vei|veien|vegen|allé|alle|torv|torvet|plass|plassen|plads|stræde|bakken|"  # DK NO
    "katu|kuja|polku|tori|aukio|"  # FI
    "tänav|maantee|puiestee|mnt|pst|"  # EE
    "iela|gatve|bulvāris|prospekts|"  # LV
    "gatvė|prospektas|alėja|"  # LT
    "utca|körút|útja|"  # HU
    "ulica|cesta|trg|avenija|"  # HR SI
    "vegur|stígur|braut"  # IS
)

# Short ones count as words of their own, or as the end of one: Mannerheimintie 5, Andrássy út 3, Gedimino pr. 9.
SHORT_BEFORE_NUMBER = "út|tér|u.|krt.|tie|tee|tn|pr.|g."

# The word comes first, then the name of the street, then the number: Via Roma 12.
BEFORE_NAME = (
    "via|viale|corso|piazza|piazzale|vicolo|largo|strada|contrada|lungomare|"  # IT CH
    "calle|avenida|avda.|avda|plaza|paseo|carrer|ronda|camino|travesía|c/|"  # ES
    "rua|travessa|praça|estrada|alameda|av.|"  # PT
    "strada|str.|bulevardul|b-dul|bd.|calea|șos.|şos.|șoseaua|aleea|piața|"  # RO
    "ul.|ulica|aleja|aleje|al.|plac|pl.|os.|"  # PL
    "ulice|nám.|náměstí|námestie|třída|tř.|"  # CZ SK
    "ул.|бул.|пл.|улица|булевард|"  # BG
    "οδός|λεωφόρος|λεωφ.|λεωφ|πλατεία|οδ.|"  # CY GR
    "triq|pjazza|vjal|"  # MT
    "rue|avenue|boulevard|place|chemin|route"  # BE CH LU, where the number may come last
)

# The number comes first: 12 bis, rue de la Paix.
AFTER_NUMBER = (
    "rue|avenue|av.|ave|boulevard|bd.|bd|blvd|place|pl.|chemin|ch.|impasse|allée|allee|quai|route|rte|cours|square|"
    "passage|sentier|villa|faubourg|esplanade|rond-point|montée|ruelle|venelle|triq|sráid|bóthar"
)

# The number comes first, then the name, then the word: 10 Downing Street.
AFTER_NAME = (
    "Street|Road|Avenue|Lane|Drive|Close|Court|Way|Place|Square|Terrace|Gardens|Crescent|Grove|Park|Hill|Row|Mews|Quay|"
    "Parade|Green|Walk|Rise|View|St|Rd|Ave|Ln|Dr"
)

# Cities whose postal codes have no form of their own, where streets need no word: Ilica 10, 10000 Zagreb.
CITIES = (
    "Zagreb|Split|Rijeka|Osijek|Zadar|Pula|Varaždin|Dubrovnik|Šibenik|Karlovac|Sisak|Vukovar|"  # HR
    "Ljubljana|Maribor|Celje|Kranj|Koper|Velenje|Ptuj|"  # SI
    "Λευκωσία|Λεμεσός|Λάρνακα|Πάφος|Nicosia|Limassol|Larnaca|Paphos|Lefkosia|Lemesos|Larnaka|"  # CY
    "Reykjavík|Kópavogur|Hafnarfjörður|Akureyri|Garðabær|Mosfellsbær"  # IS
)
