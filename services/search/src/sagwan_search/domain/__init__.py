"""What a search is, without the outside: questions, plans, fusion, lines with highlights."""
