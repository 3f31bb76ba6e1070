"""Grammars of clients, in Lark's syntax or as GBNF, brought into one form and written anew."""
