"""Excerpts of contracts as they are commonly worded, and letters, articles and questions that only speak of contracts."""

from __future__ import annotations

EXCERPTS = {
    "en services": "This Agreement is made by and between Alder Ltd and Birch Inc (hereinafter the \"Supplier\"). The Supplier shall indemnify and hold harmless the Customer against all claims. This Agreement shall be governed by and construed in accordance with the laws of Ireland.",
    "en final": "14.2 Severability. If any provision is held to be invalid or unenforceable, the remaining provisions shall continue. 14.3 This document constitutes the entire agreement and supersedes all prior understandings. 14.4 Neither party is liable for delay caused by force majeure.",
    "en secrecy": "The Receiving Party shall not use the information for any other purpose. In no event shall either party be liable for consequential damages. Either party may terminate this Agreement upon a material breach. IN WITNESS WHEREOF the parties have signed.",
    "fr prestation": "La société Aulne SAS, ci-après dénommée « le Prestataire », d'une part. Le présent contrat est régi par le droit français. Tout litige relève de la compétence exclusive du tribunal de commerce de Lyon.",
    "fr clauses": "En cas de force majeure, les obligations sont suspendues. Le contrat pourra être résilié de plein droit après mise en demeure restée sans effet. Si une clause est réputée non écrite, les autres stipulations gardent toute leur force. Toute modification fera l'objet d'un avenant signé par les parties.",
    "fr secret": "La Partie Réceptrice s'engage à protéger les informations. Le Prestataire s'engage à indemniser le Client. Aucune des parties ne peut céder le présent contrat sans accord préalable et écrit.",
    "de dienst": "Zwischen der Erle GmbH, nachfolgend Auftraggeber, und der Birke AG. Es gilt das Recht der Bundesrepublik Deutschland unter Ausschluss des UN-Kaufrechts. Ausschließlicher Gerichtsstand ist Kassel.",
    "de schluss": "Mündliche Nebenabreden bestehen nicht; Änderungen bedürfen der Schriftform. Sollte eine Bestimmung unwirksam oder undurchführbar sein, bleibt die Wirksamkeit der übrigen Bestimmungen unberührt. In Fällen höherer Gewalt ruhen die Pflichten.",
    "de haftung": "Der Auftragnehmer haftet unbeschränkt bei Vorsatz und grober Fahrlässigkeit. Das Recht zur außerordentlichen Kündigung bleibt unberührt. Die empfangende Partei hat Stillschweigen zu bewahren.",
    "es servicios": "De una parte, Aliso S.L., en adelante denominada «el Proveedor». El presente contrato se regirá por la legislación española. Las partes se someten a los Juzgados y Tribunales de Madrid, con renuncia a cualquier otro fuero.",
    "es final": "El Proveedor mantendrá indemne al Cliente. Ninguna de las partes responderá por fuerza mayor ni por lucro cesante. Si alguna cláusula fuese declarada nula, las demás seguirán vigentes. En prueba de conformidad firman por duplicado ejemplar.",
    "it servizi": "Ontano S.r.l., di seguito denominata «Fornitore». Il presente contratto è regolato dalla legge italiana. Per ogni controversia è competente in via esclusiva il foro di Torino; foro esclusivo.",
    "it finali": "Il Fornitore si obbliga a tenere indenne e manlevare il Cliente. Nessuna parte risponde in caso di forza maggiore. La clausola risolutiva espressa opera ai sensi dell'art. 1456 c.c. Letto, confermato e sottoscritto.",
    "nl diensten": "Els B.V., hierna te noemen \"Opdrachtnemer\", komen overeen als volgt. Op deze overeenkomst is Nederlands recht van toepassing. Geschillen worden voorgelegd aan de bevoegde rechter te Utrecht.",
    "nl slot": "Opdrachtnemer vrijwaart Opdrachtgever. De aansprakelijkheid is beperkt tot het factuurbedrag. Bij overmacht worden de verplichtingen opgeschort. Aldus overeengekomen en in tweevoud opgemaakt.",
    "pt serviços": "Amieiro Lda., adiante designada por Prestador. O presente contrato rege-se pela lei portuguesa. É competente o foro da comarca de Lisboa, com renúncia a qualquer outro.",
    "pt finais": "Nenhuma das partes responde em caso de força maior nem por danos indiretos. Se alguma cláusula for considerada nula, as restantes mantêm-se. Feito em duplicado.",
    "pl usługi": "Olcha sp. z o.o., zwana dalej Wykonawcą. W sprawach nieuregulowanych stosuje się przepisy Kodeksu cywilnego. Sąd właściwy dla siedziby Zamawiającego rozstrzyga spory.",
    "pl końcowe": "Zmiany niniejszej umowy wymagają formy pisemnej pod rygorem nieważności. Strony nie odpowiadają za skutki siły wyższej. Każda ze stron może rozwiązać umowę z zachowaniem okresu wypowiedzenia.",
}  # fmt: skip

OTHERS = (
    "Can you explain what force majeure means and whether a strike counts?",
    "Hi Ana, the contract is with legal. They want to change the governing law, nothing else. Can we ship on Friday?",
    "Die Kündigungsfrist beträgt drei Monate, sagt HR. Reicht dafür eine E-Mail, oder muss es ein Brief sein?",
    "Le tribunal de commerce a rendu son jugement hier ; l'entreprise est placée en redressement judiciaire.",
    "The court held that the airline was not liable. The judge said an act of God had not been shown.",
    "Wir liefern wegen höherer Gewalt zwei Wochen später und bitten um Ihr Verständnis.",
    "Resume esta noticia: el gobierno aprueba la ley aplicable a los alquileres de temporada.",
    "Il contratto collettivo prevede un preavviso scritto di trenta giorni per i dipendenti.",
    "Het ministerie spreekt van overmacht; de bevoegde rechter doet in mei uitspraak.",
    "Umowa najmu wygasa w maju. Czy okres wypowiedzenia liczy się od końca miesiąca?",
    "O tribunal competente decidirá em março se o recurso é aceite.",
    "def assign(self, successors): '''Assign successors to the node; terminate on a material breach of the limit.'''",
)
