"""How to make up each national identifier, how it is written and what it is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from stdnum.at import tin, vnr
from stdnum.be import nn
from stdnum.bg import egn, pnf
from stdnum.ch import ssn as ahv
from stdnum.cy import vat as cypriot
from stdnum.cz import rc
from stdnum.de import idnr, stnr
from stdnum.dk import cpr
from stdnum.ee import ik
from stdnum.es import dni, nie
from stdnum.fi import hetu
from stdnum.fr import nif as spi
from stdnum.fr import nir
from stdnum.gb import nhs, utr
from stdnum.gr import amka
from stdnum.gr import vat as afm
from stdnum.hr import oib
from stdnum.ie import pps
from stdnum.is_ import kennitala
from stdnum.it import codicefiscale
from stdnum.lt import asmens
from stdnum.lv import pvn
from stdnum.nl import bsn
from stdnum.no import fodselsnummer
from stdnum.pl import nip, pesel
from stdnum.pt import cc
from stdnum.pt import nif as pt_nif
from stdnum.ro import cnp
from stdnum.se import personnummer
from stdnum.si import ddv, emso

from benchmarks.guard.identifier_draws import (
    IBERIAN_LETTERS,
    LETTERS,
    Random,
    birth_date,
    dated,
    digits,
    drawn_baltic,
    drawn_birth_number,
    drawn_cartao,
    drawn_cnp,
    drawn_codice_fiscale,
    drawn_emso,
    drawn_hetu,
    drawn_matricule,
    drawn_nino,
    drawn_nir,
    drawn_pesel,
    drawn_rvnr,
    drawn_steuer_id,
    drawn_szemelyi,
    is_matricule,
    is_nss,
    is_rvnr,
    is_szemelyi,
    plain,
    weighted,
)


@dataclass(frozen=True, slots=True)
class Identifier:
    """`make` draws a candidate; in `forms` each `#` stands for its next character; `words` are what it is called."""

    make: Callable[[Random], str]
    is_valid: Callable[[str], bool]
    forms: tuple[str, ...]
    words: tuple[str, ...]


TABLE: Mapping[str, Identifier] = {
    "at_abgabenkontonummer": Identifier(
        plain(9), tin.is_valid, ("##-###/####", "## ###/####", "#########"), ("Abgabenkontonummer", "Steuernummer")
    ),
    "at_sozialversicherungsnummer": Identifier(
        lambda r: digits(r, 4) + birth_date(r, "%d%m%y"),
        vnr.is_valid,
        ("#### ######", "##########", "####/######"),
        ("Sozialversicherungsnummer", "SVNR", "SV-Nummer"),
    ),
    "be_rijksregisternummer": Identifier(
        dated("%y%m%d", 5, first_year=1930),
        nn.is_valid,
        ("##.##.##-###.##", "###########", "###### ### ##"),
        ("rijksregisternummer", "numéro de registre national", "NISS"),
    ),
    "bg_egn": Identifier(dated("%y%m%d", 4), egn.is_valid, ("##########",), ("ЕГН", "егн", "единен граждански номер")),
    "bg_lnch": Identifier(plain(10), pnf.is_valid, ("##########",), ("ЛНЧ", "личен номер на чужденец")),
    "ch_ahv": Identifier(
        plain(13, "756"), ahv.is_valid, ("###.####.####.##", "#############"), ("AHV-Nummer", "numéro AVS")
    ),
    "cy_tic": Identifier(
        lambda r: "0" + digits(r, 7) + r.choice(LETTERS), cypriot.is_valid, ("#########",), ("ΑΦΤ", "TIC")
    ),
    "cz_sk_rodne_cislo": Identifier(
        drawn_birth_number,
        rc.is_valid,
        ("######/####", "##########"),
        ("rodné číslo", "rodne cislo", "r. č.", "rodného čísla"),
    ),
    "de_rvnr": Identifier(
        drawn_rvnr,
        is_rvnr,
        ("## ###### # ###", "############"),
        ("Rentenversicherungsnummer", "Sozialversicherungsnummer"),
    ),
    "de_steuer_id": Identifier(
        drawn_steuer_id,
        idnr.is_valid,
        ("## ### ### ###", "###########"),
        ("Steuer-ID", "Identifikationsnummer", "IdNr.", "Steueridentifikationsnummer"),
    ),
    "de_steuernummer": Identifier(
        plain(10), stnr.is_valid, ("##/###/#####", "##########"), ("Steuernummer", "St.-Nr.")
    ),
    "dk_cpr": Identifier(dated("%d%m%y", 4), cpr.is_valid, ("######-####", "##########"), ("CPR-nummer", "CPR")),
    "ee_isikukood": Identifier(drawn_baltic, ik.is_valid, ("###########",), ("isikukood", "Isikukoodi")),
    "es_nie": Identifier(
        lambda r: r.choice("XYZ") + digits(r, 7) + r.choice(IBERIAN_LETTERS),
        nie.is_valid,
        ("#########", "#-#######-#"),
        ("NIE", "identidad de extranjero"),
    ),
    "es_nif": Identifier(
        lambda r: digits(r, 8) + r.choice(IBERIAN_LETTERS),
        dni.is_valid,
        ("#########", "########-#", "##.###.###-#"),
        ("DNI", "NIF", "documento nacional de identidad"),
    ),
    "es_nss": Identifier(
        lambda r: f"{r.randrange(1, 51):02}{r.randrange(1, 9)}{digits(r, 9)}",
        is_nss,
        ("## ######## ##", "############", "##/########/##"),
        ("número de la Seguridad Social", "NSS"),
    ),
    "fi_hetu": Identifier(drawn_hetu, hetu.is_valid, ("###########",), ("henkilötunnus", "hetu", "HENKILÖTUNNUKSENI")),
    "fr_nir": Identifier(
        drawn_nir, nir.is_valid, ("# ## ## ## ### ### ##", "###############"), ("numéro de sécurité sociale", "NIR")
    ),
    "fr_spi": Identifier(
        lambda r: r.choice("0123") + digits(r, 12),
        spi.is_valid,
        ("## ## ### ### ###", "#############"),
        ("numéro fiscal", "SPI"),
    ),
    "gb_nhs_number": Identifier(plain(10), nhs.is_valid, ("### ### ####", "##########"), ("NHS number", "NHS no.")),
    "gb_nino": Identifier(
        drawn_nino,
        lambda number: number[:2] not in {"GB", "BG", "KN", "NK", "NT", "TN", "ZZ"} and number[0] not in "DFIQUV",
        ("## ## ## ## #", "#########"),
        ("National Insurance number", "NINO", "NI number"),
    ),
    "gb_utr": Identifier(plain(10), utr.is_valid, ("##########", "##### #####"), ("UTR", "Unique Taxpayer Reference")),
    "gr_afm": Identifier(plain(9), afm.is_valid, ("#########",), ("ΑΦΜ", "Α.Φ.Μ.", "αφμ")),
    "gr_amka": Identifier(dated("%d%m%y", 5), amka.is_valid, ("###########",), ("ΑΜΚΑ", "αμκα", "AMKA")),
    "hr_oib": Identifier(plain(11), oib.is_valid, ("###########",), ("OIB", "oib", "osobni identifikacijski broj")),
    "hu_adoazonosito": Identifier(
        plain(10, "8"),
        lambda number: weighted(number[:9], tuple(range(1, 10))) % 11 == int(number[9]),
        ("##########", "### ### ####"),
        ("adóazonosító jel", "ADÓAZONOSÍTÓ JEL", "adoazonosito jele"),
    ),
    "hu_szemelyi_szam": Identifier(
        drawn_szemelyi,
        is_szemelyi,
        ("#-######-####", "# ###### ####", "###########"),
        ("személyi szám", "személyi azonosító"),
    ),
    "hu_taj": Identifier(
        plain(9),
        lambda number: weighted(number[:8], (3, 7) * 4) % 10 == int(number[8]),
        ("### ### ###", "#########", "###-###-###"),
        ("TAJ-szám", "TAJ", "társadalombiztosítási azonosító jel"),
    ),
    "ie_pps": Identifier(
        lambda r: digits(r, 7) + r.choice(LETTERS[:23]) + r.choice(("", "A", "W")),
        pps.is_valid,
        ("#########",),
        ("PPS number", "PPSN"),
    ),
    "is_kennitala": Identifier(
        lambda r: birth_date(r, "%d%m%y")[:4] + f"{r.randrange(30, 100)}{r.randrange(20, 100)}{digits(r, 1)}9",
        kennitala.is_valid,
        ("######-####", "##########"),
        ("kennitala", "kennitölu"),
    ),
    "it_codice_fiscale": Identifier(
        drawn_codice_fiscale,
        codicefiscale.is_valid,
        ("################", "### ### ##### #####"),
        ("codice fiscale", "C.F."),
    ),
    "lt_asmens_kodas": Identifier(
        drawn_baltic, asmens.is_valid, ("###########",), ("asmens kodas", "asmens kodo", "a. k.")
    ),
    "lu_matricule": Identifier(
        drawn_matricule,
        is_matricule,
        ("#############", "#### ## ## ### ##", "######## #####"),
        ("matricule", "Matrikelnummer"),
    ),
    "lv_personas_kods": Identifier(
        lambda r: (born := birth_date(r, "%d%m%Y"))[:4] + born[6:] + ("1" if born[4] == "1" else "2") + digits(r, 4),
        lambda number: number < "4" and bool(pvn.is_valid(number)),
        ("######-#####",),
        ("personas kods", "personas koda"),
    ),
    "mt_identity_card": Identifier(
        lambda r: digits(r, 7) + r.choice("MGAPLHBZ"),
        lambda number: number[-1] in "MGAPLHBZ" and int(number[:-1]) > 0,
        ("########",),
        ("ID card", "karta tal-identità"),
    ),
    "nl_bsn": Identifier(
        plain(9),
        bsn.is_valid,
        ("#########", "####.##.###", "### ### ###"),
        ("BSN", "burgerservicenummer", "bsn-nummer"),
    ),
    "no_fodselsnummer": Identifier(
        dated("%d%m%y", 5), fodselsnummer.is_valid, ("###########", "###### #####"), ("fødselsnummer", "fodselsnummer")
    ),
    "pl_nip": Identifier(
        plain(10),
        nip.is_valid,
        ("###-###-##-##", "##########", "###-##-##-###"),
        ("NIP", "numer identyfikacji podatkowej"),
    ),
    "pl_pesel": Identifier(drawn_pesel, pesel.is_valid, ("###########",), ("PESEL", "numer PESEL", "PESEL-u")),
    "pt_cartao_cidadao": Identifier(
        drawn_cartao, cc.is_valid, ("######## # ###", "############"), ("cartão de cidadão", "Cartao de Cidadao")
    ),
    "pt_nif": Identifier(
        plain(9, "2"), pt_nif.is_valid, ("#########", "### ### ###"), ("NIF", "número de contribuinte")
    ),
    "pt_niss": Identifier(
        plain(11, "1"),
        lambda number: 9 - weighted(number[:10], (29, 23, 19, 17, 13, 11, 7, 5, 3, 2)) % 10 == int(number[10]),
        ("###########",),
        ("NISS", "Segurança Social"),
    ),
    "ro_cnp": Identifier(drawn_cnp, cnp.is_valid, ("#############",), ("CNP", "codul numeric personal")),
    "se_personnummer": Identifier(
        dated("%y%m%d", 4, first_year=1950),
        personnummer.is_valid,
        ("######-####", "##########"),
        ("personnummer", "personnumret"),
    ),
    "si_davcna_stevilka": Identifier(plain(8), ddv.is_valid, ("########",), ("davčna številka", "davcna stevilka")),
    "si_emso": Identifier(drawn_emso, emso.is_valid, ("#############",), ("EMŠO", "emso")),
}
