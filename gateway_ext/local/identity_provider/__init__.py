"""An OpenID provider for one laptop: whoever has no single sign-on at hand can log in to the console all the same."""
