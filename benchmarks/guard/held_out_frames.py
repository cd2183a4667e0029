"""Sentences that no detector was mended on: between a value and what it is called stand other words.

Written last. Whoever mends a detector because of one of them moves it to european_frames.py and writes another here.
"""

from __future__ import annotations

NEAR: dict[str, tuple[str, ...]] = {
    "bg": ("Данните за {label} се промениха и вече са {value}, моля коригирайте.",),
    "cs": ("Údaj „{label}“ se změnil a nově zní {value}, prosím o opravu.",),
    "da": ("Oplysningen »{label}« er ændret og lyder nu {value}, ret den venligst.",),
    "de": ("Die Angabe „{label}“ hat sich geändert und lautet jetzt {value}, bitte korrigieren.",),
    "el": ("Το στοιχείο «{label}» άλλαξε και είναι πλέον {value}, παρακαλώ διορθώστε το.",),
    "en": ("The entry “{label}” has changed and now reads {value}, please correct it.",),
    "es": ("El dato «{label}» ha cambiado y ahora es {value}, corríjanlo por favor.",),
    "et": ("Andmeväli „{label}“ on muutunud ja on nüüd {value}, palun parandage.",),
    "fi": ("Tieto ”{label}” on muuttunut ja on nyt {value}, korjatkaa se.",),
    "fr": ("La mention « {label} » a changé, c'est désormais {value}, merci de corriger.",),
    "ga": ("Tá an iontráil “{label}” athraithe agus is é {value} atá ann anois.",),
    "hr": ("Podatak „{label}“ promijenio se i sada glasi {value}, molim ispravite.",),
    "hu": ("A(z) „{label}” adat megváltozott, most már {value}, kérem, javítsák.",),
    "is": ("Færslan „{label}“ hefur breyst og er nú {value}, vinsamlega leiðréttið.",),
    "it": ("Il dato «{label}» è cambiato e ora è {value}, correggetelo per favore.",),
    "lt": ("Duomuo „{label}“ pasikeitė ir dabar yra {value}, prašome pataisyti.",),
    "lv": ("Ieraksts “{label}” ir mainījies un tagad ir {value}, lūdzu, izlabojiet.",),
    "mt": ("L-entrata “{label}” inbidlet u issa hi {value}, jekk jogħġobkom ikkoreġuha.",),
    "nl": ("Het gegeven ‘{label}’ is gewijzigd en luidt nu {value}, graag aanpassen.",),
    "no": ("Opplysningen «{label}» er endret og lyder nå {value}, vennligst rett den.",),
    "pl": ("Pozycja „{label}” zmieniła się i brzmi teraz {value}, proszę poprawić.",),
    "pt": ("O dado «{label}» mudou e é agora {value}, corrijam por favor.",),
    "ro": ("Datele din „{label}” s-au schimbat și sunt acum {value}, vă rog corectați.",),
    "sk": ("Údaj „{label}“ sa zmenil a po novom znie {value}, prosím o opravu.",),
    "sl": ("Podatek »{label}« se je spremenil in se zdaj glasi {value}, prosim popravite.",),
    "sv": ("Uppgiften ”{label}” har ändrats och lyder nu {value}, rätta den gärna.",),
}
"""Up to 40 characters between."""

FAR: dict[str, tuple[str, ...]] = {
    "bg": ("Полето „{label}“ беше празно в договора, а според клиента там трябва да пише {value}.",),
    "cs": ("Kolonka „{label}“ byla ve smlouvě prázdná, podle klienta tam patří {value}.",),
    "da": ("Feltet »{label}« var tomt i kontrakten, men ifølge kunden skal der stå {value}.",),
    "de": ("Das Feld „{label}“ war im Vertrag leer, laut Kundin gehört dort {value} hinein.",),
    "el": ("Το πεδίο «{label}» ήταν κενό στη σύμβαση, σύμφωνα με τον πελάτη πρέπει να γράφει {value}.",),
    "en": ("The field “{label}” was left blank in the contract, and the client says it should read {value}.",),
    "es": ("La casilla «{label}» estaba vacía en el contrato; según la clienta, ahí debe ir {value}.",),
    "et": ("Väli „{label}“ oli lepingus tühi, kliendi sõnul peab seal olema {value}.",),
    "fi": ("Kenttä ”{label}” oli sopimuksessa tyhjä, ja asiakkaan mukaan siinä pitäisi lukea {value}.",),
    "fr": ("La case « {label} » était vide dans le contrat ; selon la cliente, il faut y mettre {value}.",),
    "ga": ("Bhí an réimse “{label}” bán sa chonradh, agus deir an cliant gur cheart dó a bheith {value}.",),
    "hr": ("Polje „{label}“ bilo je prazno u ugovoru, a prema riječima klijentice tu treba stajati {value}.",),
    "hu": ("A „{label}” mező üres volt a szerződésben, az ügyfél szerint oda {value} kerül.",),
    "is": ("Reiturinn „{label}“ var auður í samningnum en þar á að standa {value} að sögn viðskiptavinar.",),
    "it": ("Il campo «{label}» era vuoto nel contratto; secondo la cliente deve contenere {value}.",),
    "lt": ("Laukas „{label}“ sutartyje buvo tuščias, pasak klientės, ten turi būti {value}.",),
    "lv": ("Lauks “{label}” līgumā bija tukšs, pēc klientes vārdiem tur jābūt {value}.",),
    "mt": ("L-ispazju “{label}” kien vojt fil-kuntratt, u l-klijent qal li għandu jkun {value}.",),
    "nl": ("Het veld ‘{label}’ was leeg in het contract; volgens de klant moet daar {value} staan.",),
    "no": ("Feltet «{label}» var tomt i kontrakten, men ifølge kunden skal det stå {value}.",),
    "pl": ("Pole „{label}” było w umowie puste, a według klientki ma tam być {value}.",),
    "pt": ("O campo «{label}» estava vazio no contrato; segundo a cliente, deve ser {value}.",),
    "ro": ("Câmpul „{label}” era gol în contract, iar clienta spune că acolo trebuie scris {value}.",),
    "sk": ("Políčko „{label}“ bolo v zmluve prázdne, podľa klientky tam patrí {value}.",),
    "sl": ("Polje »{label}« je bilo v pogodbi prazno, po besedah stranke mora tam pisati {value}.",),
    "sv": ("Fältet ”{label}” var tomt i avtalet, men enligt kunden ska det stå {value}.",),
}
"""About 80 characters between, more than the detectors look back."""
