#!/bin/sh
# Says what is no answer.
if [ "$1" = --version ]; then echo "This is cvc5 version 9.9.9"; exit 0; fi
while read -r line; do case "$line" in *check-sat*) echo "unsat or so" ;; esac; done
