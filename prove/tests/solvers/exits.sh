#!/bin/sh
# Exits before it is asked.
if [ "$1" = --version ]; then echo "This is cvc5 version 9.9.9"; exit 0; fi
exit 1
