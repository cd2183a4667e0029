"""Short business sentences in 26 languages, and the numbers that stand in them and are no personal data.

In a frame `{label}` is what a value is called and `{value}` the value. Written for this benchmark, not with the
detectors: what stands around a value is whatever fits an office's mail, words for other data included.
"""

from __future__ import annotations

FRAMES: dict[str, tuple[str, ...]] = {
    "bg": (
        "Уважаеми колеги, моля добавете към досието: {label} {value}. Поздрави, Иван",
        "{label}: {value}",
        "Клиентката потвърди данните си ({label} {value}) и очаква отговор до петък.",
        "Моля проверете дали {label} {value} е въведено правилно в системата.",
    ),
    "cs": (
        "Dobrý den, prosím doplňte do spisu: {label} {value}. S pozdravem Jan",
        "{label}: {value}",
        "Zákaznice potvrdila své údaje ({label} {value}) a čeká na odpověď do pátku.",
        "Prosím ověřte, zda je {label} {value} v systému zadáno správně.",
    ),
    "da": (
        "Kære kolleger, tilføj venligst til sagen: {label} {value}. Venlig hilsen Jens",
        "{label}: {value}",
        "Kunden har bekræftet sine oplysninger ({label} {value}) og venter svar inden fredag.",
        "Tjek venligst, om {label} {value} er tastet rigtigt ind i systemet.",
    ),
    "de": (
        "Sehr geehrte Damen und Herren, bitte ergänzen Sie in der Akte: {label} {value}. Mit freundlichen Grüßen",
        "{label}: {value}",
        "Die Kundin hat ihre Angaben bestätigt ({label} {value}) und erwartet bis Freitag eine Antwort.",
        "Bitte prüfen Sie, ob {label} {value} im System richtig erfasst ist.",
    ),
    "el": (
        "Αγαπητοί συνεργάτες, παρακαλώ προσθέστε στον φάκελο: {label} {value}. Με εκτίμηση, Νίκος",
        "{label}: {value}",
        "Η πελάτισσα επιβεβαίωσε τα στοιχεία της ({label} {value}) και περιμένει απάντηση ως την Παρασκευή.",
        "Παρακαλώ ελέγξτε αν έχει καταχωριστεί σωστά στο σύστημα: {label} {value}.",
    ),
    "en": (
        "Dear all, please add this to the file: {label} {value}. Kind regards, Mary",
        "{label}: {value}",
        "The customer has confirmed her details ({label} {value}) and expects an answer by Friday.",
        "Could you check whether the {label} {value} was entered correctly?",
    ),
    "es": (
        "Estimados compañeros: añadan por favor al expediente {label} {value}. Un saludo, Ana",
        "{label}: {value}",
        "La clienta ha confirmado sus datos ({label} {value}) y espera respuesta antes del viernes.",
        "Por favor, comprueben si {label} {value} figura bien en el sistema.",
    ),
    "et": (
        "Head kolleegid, palun lisage toimikusse: {label} {value}. Lugupidamisega Mari",
        "{label}: {value}",
        "Klient kinnitas oma andmed ({label} {value}) ja ootab vastust reedeks.",
        "Palun kontrollige, kas {label} {value} on süsteemi õigesti sisestatud.",
    ),
    "fi": (
        "Hyvät kollegat, lisätkää asiakirjoihin: {label} {value}. Ystävällisin terveisin Matti",
        "{label}: {value}",
        "Asiakas vahvisti tietonsa ({label} {value}) ja odottaa vastausta perjantaihin mennessä.",
        "Tarkistakaa, onko {label} {value} kirjattu järjestelmään oikein.",
    ),
    "fr": (
        "Bonjour, merci d'ajouter au dossier : {label} {value}. Cordialement, Jeanne",
        "{label} : {value}",
        "La cliente a confirmé ses informations ({label} {value}) et attend une réponse avant vendredi.",
        "Pouvez-vous vérifier que {label} {value} a été saisi correctement ?",
    ),
    "ga": (
        "A chairde, cuirigí leis an gcomhad le bhur dtoil: {label} {value}. Le meas, Máire",
        "{label}: {value}",
        "Dheimhnigh an custaiméir a cuid sonraí ({label} {value}) agus tá sí ag súil le freagra faoin Aoine.",
        "An bhféadfá a sheiceáil ar iontráladh {label} {value} i gceart?",
    ),
    "hr": (
        "Poštovani, molim dodajte u spis: {label} {value}. Srdačan pozdrav, Ivana",
        "{label}: {value}",
        "Stranka je potvrdila svoje podatke ({label} {value}) i očekuje odgovor do petka.",
        "Molim provjerite je li {label} {value} ispravno upisan u sustav.",
    ),
    "hu": (
        "Tisztelt Kollégák! Kérem, egészítsék ki az aktát: {label} {value}. Üdvözlettel: Éva",
        "{label}: {value}",
        "Az ügyfél megerősítette az adatait ({label} {value}), és péntekig vár választ.",
        "Kérem, ellenőrizzék, hogy a(z) {label} {value} helyesen szerepel-e a rendszerben.",
    ),
    "is": (
        "Góðan dag, vinsamlegast bætið í skjalið: {label} {value}. Kveðja, Jón",
        "{label}: {value}",
        "Viðskiptavinurinn staðfesti upplýsingarnar ({label} {value}) og væntir svars fyrir föstudag.",
        "Getur þú athugað hvort {label} {value} sé rétt skráð?",
    ),
    "it": (
        "Gentili colleghi, vi prego di aggiungere alla pratica: {label} {value}. Cordiali saluti, Paolo",
        "{label}: {value}",
        "La cliente ha confermato i suoi dati ({label} {value}) e attende risposta entro venerdì.",
        "Potete verificare che {label} {value} sia stato inserito correttamente?",
    ),
    "lt": (
        "Gerbiami kolegos, prašome papildyti bylą: {label} {value}. Pagarbiai, Rasa",
        "{label}: {value}",
        "Klientė patvirtino savo duomenis ({label} {value}) ir laukia atsakymo iki penktadienio.",
        "Prašome patikrinti, ar {label} {value} sistemoje įrašyta teisingai.",
    ),
    "lv": (
        "Cienījamie kolēģi, lūdzu, papildiniet lietu: {label} {value}. Ar cieņu, Anna",
        "{label}: {value}",
        "Kliente apstiprināja savus datus ({label} {value}) un gaida atbildi līdz piektdienai.",
        "Lūdzu, pārbaudiet, vai {label} {value} sistēmā ievadīts pareizi.",
    ),
    "mt": (
        "Għeżież kollegi, jekk jogħġobkom żidu fil-fajl: {label} {value}. Tislijiet, Marija",
        "{label}: {value}",
        "Il-klijenta kkonfermat id-dettalji tagħha ({label} {value}) u qed tistenna tweġiba sal-Ġimgħa.",
        "Tistgħu tiċċekkjaw jekk {label} {value} iddaħħalx sew fis-sistema?",
    ),
    "nl": (
        "Beste collega's, graag toevoegen aan het dossier: {label} {value}. Met vriendelijke groet, Piet",
        "{label}: {value}",
        "De klant heeft haar gegevens bevestigd ({label} {value}) en verwacht voor vrijdag antwoord.",
        "Kunnen jullie nagaan of {label} {value} goed in het systeem staat?",
    ),
    "no": (
        "Kjære kolleger, vennligst legg til i saken: {label} {value}. Vennlig hilsen Kari",
        "{label}: {value}",
        "Kunden har bekreftet opplysningene sine ({label} {value}) og venter svar innen fredag.",
        "Kan dere sjekke om {label} {value} er riktig registrert?",
    ),
    "pl": (
        "Szanowni Państwo, proszę dopisać do akt: {label} {value}. Z poważaniem, Anna",
        "{label}: {value}",
        "Klientka potwierdziła swoje dane ({label} {value}) i czeka na odpowiedź do piątku.",
        "Proszę sprawdzić, czy {label} {value} wpisano poprawnie w systemie.",
    ),
    "pt": (
        "Caros colegas, acrescentem por favor ao processo: {label} {value}. Com os melhores cumprimentos, Rui",
        "{label}: {value}",
        "A cliente confirmou os seus dados ({label} {value}) e espera resposta até sexta-feira.",
        "Podem verificar se {label} {value} foi introduzido corretamente?",
    ),
    "ro": (
        "Stimați colegi, vă rog să adăugați la dosar: {label} {value}. Cu stimă, Elena",
        "{label}: {value}",
        "Clienta și-a confirmat datele ({label} {value}) și așteaptă un răspuns până vineri.",
        "Vă rog să verificați dacă {label} {value} este introdus corect în sistem.",
    ),
    "sk": (
        "Dobrý deň, prosím doplňte do spisu: {label} {value}. S pozdravom Ján",
        "{label}: {value}",
        "Zákazníčka potvrdila svoje údaje ({label} {value}) a čaká na odpoveď do piatka.",
        "Prosím overte, či je {label} {value} v systéme zadané správne.",
    ),
    "sl": (
        "Spoštovani, prosim dodajte v spis: {label} {value}. Lep pozdrav, Ana",
        "{label}: {value}",
        "Stranka je potrdila svoje podatke ({label} {value}) in pričakuje odgovor do petka.",
        "Prosim preverite, ali je {label} {value} pravilno vneseno v sistem.",
    ),
    "sv": (
        "Hej kollegor, lägg till i ärendet: {label} {value}. Vänliga hälsningar Karin",
        "{label}: {value}",
        "Kunden har bekräftat sina uppgifter ({label} {value}) och väntar svar före fredag.",
        "Kan ni kontrollera om {label} {value} är rätt inmatat i systemet?",
    ),
}

NUMBER_NAMES: dict[str, str] = {
    "bg": "номер на поръчка | каталожен номер | версия | цена | заявка | получено",
    "cs": "číslo objednávky | číslo dílu | verze | cena | požadavek | přijato",
    "da": "ordrenummer | varenummer | version | pris | anmodning | modtaget",
    "de": "Bestellnummer | Teilenummer | Version | Preis | Vorgang | Eingang",
    "el": "αριθμός παραγγελίας | κωδικός εξαρτήματος | έκδοση | τιμή | αίτημα | παραλαβή",
    "en": "order number | part number | version | price | request | received",
    "es": "número de pedido | referencia de pieza | versión | precio | solicitud | recibido",
    "et": "tellimuse number | osa number | versioon | hind | päring | saadud",
    "fi": "tilausnumero | osanumero | versio | hinta | pyyntö | vastaanotettu",
    "fr": "numéro de commande | référence de pièce | version | prix | demande | reçu le",
    "ga": "uimhir ordaithe | uimhir páirte | leagan | praghas | iarratas | faighte",
    "hr": "broj narudžbe | broj dijela | verzija | cijena | zahtjev | primljeno",
    "hu": "rendelésszám | cikkszám | verzió | ár | kérés | beérkezett",
    "is": "pöntunarnúmer | vörunúmer | útgáfa | verð | beiðni | móttekið",
    "it": "numero d'ordine | codice articolo | versione | prezzo | richiesta | ricevuto",
    "lt": "užsakymo numeris | dalies numeris | versija | kaina | užklausa | gauta",
    "lv": "pasūtījuma numurs | detaļas numurs | versija | cena | pieprasījums | saņemts",
    "mt": "numru tal-ordni | numru tal-parti | verżjoni | prezz | talba | riċevut",
    "nl": "ordernummer | artikelnummer | versie | prijs | aanvraag | ontvangen",
    "no": "ordrenummer | delenummer | versjon | pris | forespørsel | mottatt",
    "pl": "numer zamówienia | numer części | wersja | cena | wniosek | otrzymano",
    "pt": "número da encomenda | referência da peça | versão | preço | pedido | recebido",
    "ro": "număr de comandă | cod piesă | versiunea | preț | cerere | primit",
    "sk": "číslo objednávky | číslo dielu | verzia | cena | žiadosť | prijaté",
    "sl": "številka naročila | številka dela | različica | cena | zahtevek | prejeto",
    "sv": "ordernummer | artikelnummer | version | pris | begäran | mottaget",
}
"""Order number, part number, version, price, request, time of receipt."""
