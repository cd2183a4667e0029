"""Composition root: settings → adapters → Pipeline. The only room that knows which adapter stands behind which port."""
