"""What ingest knows about meetings, with no outside to it.

`formats.registry` turns the bytes of a transcript into `meeting.Meeting`s, `validation` refuses what cannot be kept,
and `chunking` cuts a meeting's utterances into the chunks that search sees.
"""
