#!/bin/sh
# Makes the files delegate-* of this folder with OpenSSL 3: a CA, certificates that it issued to others for signing its
# CRLs, and what they signed. Keys are thrown away.
set -eu
out=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

cat > openssl.cnf <<'CNF'
[ca]
default_ca = list
[list]
database = index.txt
crlnumber = crlnumber
default_md = sha256
crl_extensions = full
new_certs_dir = .
rand_serial = yes
policy = policy
unique_subject = no
[policy]
commonName = supplied
[full]
authorityKeyIdentifier = keyid:always
[request]
distinguished_name = dn
[dn]
[root]
basicConstraints = critical,CA:TRUE
subjectKeyIdentifier = hash
keyUsage = critical,keyCertSign,cRLSign
[signer]
basicConstraints = critical,CA:FALSE
subjectKeyIdentifier = hash
keyUsage = critical,cRLSign
[device]
subjectKeyIdentifier = hash
keyUsage = critical,digitalSignature
CNF

key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key" 2>> log; }

root() { # name
    key "$1"
    openssl req -x509 -new -config openssl.cnf -extensions root -key "$1.key" -days 7300 -subj "/CN=Delegating CA" \
        -out "$1.pem"
    openssl x509 -in "$1.pem" -outform DER -out "$out/delegate-$1.cer"
}

issue() { # name ca extensions subject end
    key "$1"
    openssl req -new -config openssl.cnf -key "$1.key" -subj "$4" -out "$1.csr"
    : > index.txt
    openssl ca -batch -notext -config openssl.cnf -cert "$2.pem" -keyfile "$2.key" -extensions "$3" -in "$1.csr" \
        -startdate 20250101000000Z -enddate "$5" -out "$1.pem" 2>> log || { cat log; exit 1; }
    openssl x509 -in "$1.pem" -outform DER -out "$out/delegate-$1.cer"
}

crl() { # signer
    printf 'R\t451231235959Z\t250101000000Z\t0A\tunknown\t/CN=a\n' > index.txt
    echo 1000 > crlnumber
    openssl ca -config openssl.cnf -gencrl -cert "$1.pem" -keyfile "$1.key" -out crl.pem \
        -crl_lastupdate 20260101000000Z -crl_nextupdate 20260201000000Z 2>> log || { cat log; exit 1; }
    openssl crl -in crl.pem -outform DER -out "$out/delegate-$1.crl"
}

root ca
root namesake
issue signer ca signer "/CN=Delegating CA" 20450101000000Z
issue expired ca signer "/CN=Delegating CA" 20251231000000Z
issue other-name ca signer "/CN=CRL signer" 20450101000000Z
issue no-crl-sign ca device "/CN=Delegating CA" 20450101000000Z
issue foreign namesake signer "/CN=Delegating CA" 20450101000000Z
for signer in signer expired other-name foreign; do crl "$signer"; done
