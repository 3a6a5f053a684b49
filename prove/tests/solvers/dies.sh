#!/bin/sh
# Dies while it is being asked.
if [ "$1" = --version ]; then echo "This is cvc5 version 9.9.9"; exit 0; fi
read -r line; read -r line; exit 139
