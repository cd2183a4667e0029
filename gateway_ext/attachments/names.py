"""Names of the findings about attachments as such. Imports nothing: policy checks its rules against these names."""

from __future__ import annotations

UNREADABLE = "attachment_unreadable"
"""Bytes of which not all could be read as text: images, sound, encrypted or unknown files, what is out of bounds."""

REMOTE = "attachment_remote"
"""A URL that the provider is to fetch."""

FILE_ID = "attachment_file_id"
"""A file that lies at the provider already."""

NAMES = (FILE_ID, REMOTE, UNREADABLE)
