"""How many tokens a text has, by published vocabularies that ship with this program: nothing is fetched."""
