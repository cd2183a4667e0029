"""The login form: no script, no foreign content, no frame around it."""

from __future__ import annotations

from html import escape

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 22rem; margin: 4rem auto; padding: 0 1rem; }}
label, input, button {{ display: block; width: 100%; box-sizing: border-box; font: inherit; }}
input, button {{ padding: .5rem; margin: .25rem 0 1rem; }}
[role=alert] {{ color: #a00; }}
</style>
<h1>{title}</h1>
{content}
</html>
"""

_FORM = """{alert}<form method="post">
<label for="name">Name</label>
<input id="name" name="name" autocomplete="username" autocapitalize="none" required autofocus value="{name}">
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button>Log in</button>
</form>
<p>This identity provider of one machine is for trying gateway-ext out. Names and passwords stand in what
<code>gateway-ext up</code> has printed.</p>"""


def login_page(name: str = "", alert: str = "") -> str:
    """The form, which is sent to the address it came from."""
    told = f'<p role="alert">{escape(alert)}</p>\n' if alert else ""
    return _PAGE.format(title="Log in", content=_FORM.format(alert=told, name=escape(name)))


def message_page(title: str, text: str) -> str:
    return _PAGE.format(title=escape(title), content=f"<p>{escape(text)}</p>")


def headers(form_targets: str) -> dict[str, str]:
    """Headers of every page. `form_targets` is where a form may lead, by itself or by a redirect (CSP Level 3)."""
    policy = f"default-src 'none'; style-src 'unsafe-inline'; form-action 'self' {form_targets}; frame-ancestors 'none'"
    return {
        "content-security-policy": f"{policy}; base-uri 'none'",
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }
