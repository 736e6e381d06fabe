"""The formats that transcripts come in. `registry` finds the format of some bytes and reads them.

A format is one module here and one line in `registry`: a name, the suffixes that files of it carry, a `sniff`
that says from the first characters how likely it is, and a `parse` that makes `format.Parsed` of the whole text.
"""
