"""What values are called in 26 languages, and in which languages the numbers of a country are written about.

Beside the words of personal_words.py and identifier_table.py, which were known when the detectors were written, these
are others that people use: inflected, abbreviated, colloquial.
"""

from __future__ import annotations

from collections.abc import Mapping

COUNTRY_LANGUAGES: Mapping[str, tuple[str, ...]] = {
    "AT": ("de",),
    "BE": ("nl", "fr", "de"),
    "BG": ("bg",),
    "CH": ("de", "fr", "it"),
    "CY": ("el", "en"),
    "CZ": ("cs",),
    "DE": ("de",),
    "DK": ("da",),
    "EE": ("et",),
    "ES": ("es",),
    "FI": ("fi", "sv"),
    "FR": ("fr",),
    "GB": ("en",),
    "GR": ("el",),
    "HR": ("hr",),
    "HU": ("hu",),
    "IE": ("en", "ga"),
    "IS": ("is",),
    "IT": ("it",),
    "LI": ("de",),
    "LT": ("lt",),
    "LU": ("fr", "de"),
    "LV": ("lv",),
    "MT": ("mt", "en"),
    "NL": ("nl",),
    "NO": ("no",),
    "PL": ("pl",),
    "PT": ("pt",),
    "RO": ("ro",),
    "SE": ("sv",),
    "SI": ("sl",),
    "SK": ("sk",),
}
"""ISO 3166 → ISO 639-1: the EU, the EEA, the United Kingdom and Switzerland."""

_KINDS = (
    "email",
    "iban",
    "payment_card",
    "phone",
    "date_of_birth",
    "passport",
    "driving_licence",
    "licence_plate",
    "health_card",
    "ip_public",
    "mac_address",
    "vat_number",
    "postal_address",
)
_ROWS = """
bg: имейл | банкова сметка | номер на карта | служебен телефон, мобилен номер | дата на раждане | номер на паспорт | шофьорска книжка | рег. № | европейска здравноосигурителна карта | IP адрес | MAC адрес | ДДС номер | адрес
cs: e-mail | číslo účtu | číslo karty | telefonní číslo, mobil | datum narození | cestovní pas č. | číslo řidičského průkazu | registrační značka | evropský průkaz zdravotního pojištění | IP adresa | MAC adresa | DIČ | adresa
da: e-mail | kontonummer | kortnummer | mobilnummer, telefonnummer | fødselsdag | pas nr. | kørekortnummer | registreringsnummer | det blå EU-sygesikringskort | IP-adresse | MAC-adresse | momsnummer | adresse
de: E-Mail-Adresse | Bankverbindung | Kartennummer | Telefonnummer, Mobilnummer | Geburtstag | Reisepassnummer | Führerscheinnummer | amtliches Kennzeichen | Europäische Krankenversicherungskarte | IP-Adresse | MAC-Adresse | USt-IdNr. | Anschrift
el: ηλεκτρονική διεύθυνση | λογαριασμός | αριθμός κάρτας | αριθμός τηλεφώνου, κινητό τηλέφωνο | ημ. γέννησης | αριθμός διαβατηρίου | δίπλωμα οδήγησης | αριθμός κυκλοφορίας | ευρωπαϊκή κάρτα ασφάλισης ασθένειας | διεύθυνση IP | διεύθυνση MAC | αριθμός ΦΠΑ | διεύθυνση
en: email address | bank account | card number | phone number, mobile | date of birth | passport no | driving licence no | registration plate | European Health Insurance Card | IP address | MAC address | VAT number | address
es: correo electrónico | cuenta bancaria | número de tarjeta | número de teléfono, móvil | fecha de nac. | número de pasaporte | carné de conducir | matrícula del coche | tarjeta sanitaria europea | dirección IP | dirección MAC | NIF-IVA | dirección
et: e-post | arveldusarve | kaardi number | telefoninumber, mobiilinumber | sünnikuupäev | passi nr | juhiloa number | registreerimismärk | Euroopa ravikindlustuskaart | IP-aadress | MAC-aadress | käibemaksukohustuslase number | aadress
fi: sähköposti | tilinumero | kortin numero | puhelinnumero, matkapuhelin | syntymäpäivä | passin nro | ajokortin numero | rekisteritunnus | eurooppalainen sairaanhoitokortti | IP-osoite | MAC-osoite | ALV-numero | osoite
fr: adresse mail | compte bancaire | numéro de carte | numéro de téléphone, portable | date de naissance | passeport numéro | numéro de permis de conduire | plaque d'immatriculation | carte européenne d'assurance maladie | adresse IP | adresse MAC | numéro de TVA | adresse
ga: ríomhphost | cuntas bainc | uimhir chárta | uimhir theileafóin, fón póca | dáta breithe | pas uimhir | ceadúnas tiomána uimhir | uimhirphláta | Cárta Eorpach Árachais Sláinte | seoladh IP | seoladh MAC | uimhir CBL | seoladh
hr: e-pošta | broj računa | broj kartice | broj telefona, broj mobitela | datum rođenja | broj putovnice | broj vozačke dozvole | registracijska oznaka | europska kartica zdravstvenog osiguranja | IP adresa | MAC adresa | PDV broj | adresa
hu: e-mail cím | bankszámlaszám | kártyaszám | telefonszám, mobilszám | születési dátum | útlevélszám | vezetői engedély száma | forgalmi rendszám | európai egészségbiztosítási kártya | IP-cím | MAC-cím | közösségi adószám | lakcím
is: netfang | bankareikningur | kortanúmer | símanúmer, farsími | fæðingardagur | vegabréfsnúmer | ökuskírteini nr. | skráningarnúmer | evrópskt sjúkratryggingakort | IP-tala | MAC-vistfang | VSK-númer | heimilisfang
it: indirizzo e-mail | conto corrente | numero di carta | numero di telefono, cellulare | data di nascita | passaporto numero | numero di patente | targa dell'auto | tessera europea di assicurazione malattia | indirizzo IP | indirizzo MAC | partita IVA | indirizzo
lt: el. paštas | banko sąskaita | kortelės numeris | telefono numeris, mobilusis telefonas | gimimo data | paso Nr. | vairuotojo pažymėjimo numeris | automobilio valst. nr. | Europos sveikatos draudimo kortelė | IP adresas | MAC adresas | PVM mokėtojo kodas | adresas
lv: e-pasts | bankas konts | kartes numurs | tālruņa numurs, mobilais tālrunis | dzimšanas datums | pases Nr. | autovadītāja apliecības numurs | auto reģistrācijas numurs | Eiropas veselības apdrošināšanas karte | IP adrese | MAC adrese | PVN numurs | adrese
mt: indirizz elettroniku | kont bankarju | numru tal-karta | numru tat-telefon, numru tal-mowbajl | data tat-twelid | numru tal-passaport | numru tal-liċenzja tas-sewqan | numru tar-reġistrazzjoni | Karta Ewropea tal-Assigurazzjoni tas-Saħħa | indirizz IP | indirizz MAC | numru tal-VAT | indirizz
nl: e-mailadres | rekeningnummer | kaartnummer | telefoonnummer, mobiele nummer | geboortedatum | paspoortnummer | rijbewijsnummer | nummerplaat | Europese ziekteverzekeringskaart | IP-adres | MAC-adres | btw-nummer | adres
no: e-postadresse | kontonummer | kortnummer | telefonnummer, mobilnummer | fødselsdag | passnr. | førerkortnummer | bilskilt | europeisk helsetrygdkort | IP-adresse | MAC-adresse | MVA-nummer | adresse
pl: adres e-mail | numer rachunku | numer karty | numer telefonu, telefon komórkowy | data ur. | numer paszportu | numer prawa jazdy | tablica rejestracyjna | Europejska Karta Ubezpieczenia Zdrowotnego | adres IP | adres MAC | NIP UE | adres
pt: correio eletrónico | conta bancária | número do cartão | número de telefone, telemóvel | data de nasc. | número do passaporte | número da carta de condução | matrícula do carro | Cartão Europeu de Seguro de Doença | endereço IP | endereço MAC | número de IVA | morada
ro: adresă de e-mail | cont bancar | numărul cardului | număr de telefon, telefon mobil | data naşterii | numărul paşaportului | permis auto nr. | număr de înmatriculare | cardul european de asigurări de sănătate | adresa IP | adresa MAC | cod TVA | adresa
sk: e-mail | číslo účtu | číslo karty | telefónne číslo, mobilné číslo | dátum narodenia | číslo pasu | číslo vodičského preukazu | evidenčné číslo vozidla | európsky preukaz zdravotného poistenia | IP adresa | MAC adresa | IČ DPH | adresa
sl: e-pošta | bančni račun | številka kartice | telefonska številka, mobilna številka | datum rojstva | številka potnega lista | številka vozniškega dovoljenja | registrska številka | evropska kartica zdravstvenega zavarovanja | naslov IP | naslov MAC | ID za DDV | naslov
sv: e-postadress | bankkonto | kortnummer | telefonnummer, mobilnummer | födelsedag | passnr | körkortsnummer | regnummer | europeiskt sjukförsäkringskort | IP-adress | MAC-adress | momsregistreringsnummer | adress
"""


def _table() -> dict[str, dict[str, tuple[str, ...]]]:
    rows = (line.split(": ", 1) for line in _ROWS.strip().splitlines())
    return {
        language: {
            kind: tuple(label.strip() for label in cell.split(", "))
            for kind, cell in zip(_KINDS, cells.split(" | "), strict=True)
        }
        for language, cells in rows
    }


LABELS: Mapping[str, Mapping[str, tuple[str, ...]]] = _table()
"""Language → detector → words for its values."""

IDENTIFIER_LABELS: Mapping[str, tuple[str, ...]] = {
    "at_abgabenkontonummer": ("Steuer-Nr.",),
    "at_sozialversicherungsnummer": ("Versicherungsnummer", "SV-Nr."),
    "be_rijksregisternummer": ("rijksregisternr.", "numéro national", "INSZ"),
    "bg_egn": ("ЕГН №", "Единен граждански номер"),
    "bg_lnch": ("личен номер", "ЛНЧ №"),
    "ch_ahv": ("AHV-Nr.", "n° AVS", "numero AVS"),
    "cy_tic": ("αριθμός φορολογικής ταυτότητας", "tax identification code"),
    "cz_sk_rodne_cislo": ("r.č.", "RČ", "rodné č."),
    "de_rvnr": ("SV-Nummer", "Versicherungsnummer", "RV-Nummer"),
    "de_steuer_id": ("Steuer-Identifikationsnummer", "steuerliche Identifikationsnummer", "Steuer-IdNr."),
    "de_steuernummer": ("Steuer-Nr.", "St.Nr."),
    "dk_cpr": ("cpr-nr.", "personnummer"),
    "ee_isikukood": ("isikukoodiga", "isiku kood"),
    "es_nie": ("N.I.E.", "número de identidad de extranjero"),
    "es_nif": ("D.N.I.", "N.I.F.", "documento de identidad"),
    "es_nss": ("número de afiliación a la Seguridad Social", "nº Seguridad Social"),
    "fi_hetu": ("sotu", "personbeteckning", "henkilötunnukseni"),
    "fr_nir": ("n° de sécu", "numéro de sécu", "N° SS"),
    "fr_spi": ("n° fiscal", "numéro fiscal de référence"),
    "gb_nhs_number": ("NHS No", "NHS No."),
    "gb_nino": ("NI no.", "N.I. number", "National Insurance no."),
    "gb_utr": ("tax reference", "self assessment UTR"),
    "gr_afm": ("αριθμός φορολογικού μητρώου", "Α.Φ.Μ"),
    "gr_amka": ("Α.Μ.Κ.Α.", "αριθμός ΑΜΚΑ"),
    "hr_oib": ("OIB broj", "osobni identifikacijski br."),
    "hu_adoazonosito": ("adóazonosító", "adóazonosító szám"),
    "hu_szemelyi_szam": ("személyi azonosító szám", "szem. szám"),
    "hu_taj": ("TAJ szám", "tajszám"),
    "ie_pps": ("PPS no.", "Personal Public Service number"),
    "is_kennitala": ("kt.", "kennitala viðskiptavinar"),
    "it_codice_fiscale": ("cod. fisc.", "CF"),
    "lt_asmens_kodas": ("asm. kodas", "asmens kodą"),
    "lu_matricule": ("numéro d'identification national", "matricule national"),
    "lv_personas_kods": ("p.k.", "pers. kods"),
    "mt_identity_card": ("numru tal-karta tal-identità", "ID card no."),
    "nl_bsn": ("sofinummer", "burger service nummer", "BSN-nr."),
    "no_fodselsnummer": ("personnummer", "fnr"),
    "pl_nip": ("nr NIP", "NIP firmy"),
    "pl_pesel": ("nr PESEL", "PESEL klientki"),
    "pt_cartao_cidadao": ("cartão do cidadão", "CC n.º"),
    "pt_nif": ("contribuinte n.º", "N.I.F."),
    "pt_niss": ("n.º de segurança social", "número de identificação da segurança social"),
    "ro_cnp": ("C.N.P.", "cod numeric personal"),
    "se_personnummer": ("personnr", "pers.nr", "samordningsnummer"),
    "si_davcna_stevilka": ("davčno številko", "davčna št."),
    "si_emso": ("EMŠO stranke", "enotna matična številka občana"),
}
