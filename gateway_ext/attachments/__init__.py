"""Files that come with requests, or that an operator registers: what kind they are, and the text in them.

Pure: bytes in, texts out. Everything that can grow without bound when unpacked is charged to one `Bounds`.
"""
