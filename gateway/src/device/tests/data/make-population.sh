#!/bin/sh
# Makes two roots, CAs below one of them, their devices and their CRLs with OpenSSL 3, revokes a third of the
# certificates at random, and asks `openssl verify -crl_check_all` about each device, at two times: while every CRL is
# current, and when that of "A's first" is overdue. The answers go to population-openssl.txt, one a line:
# time in seconds since the epoch, the device's place in population-devices.pem from 0, OpenSSL's error number
# (0: none), and the depth at which it stands. Keys are thrown away.
set -eu
out=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

cat > openssl.cnf <<'CNF'
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[device]
basicConstraints = critical,CA:FALSE
extendedKeyUsage = clientAuth
authorityKeyIdentifier = keyid
[list]
database = $ENV::CA/index.txt
crlnumber = $ENV::CA/crlnumber
certificate = $ENV::CA/cert.pem
private_key = $ENV::CA/key.pem
default_md = sha256
crl_extensions = crl
[crl]
authorityKeyIdentifier = keyid
CNF

# The folder of the CA that openssl.cnf is about. It has to be set also where nothing is asked of it.
export CA=none

random() { od -An -N2 -tu2 /dev/urandom | tr -d ' '; }

# request NAME SUBJECT: a key and a request.
request() {
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout "$1.key" -subj "/CN=$2" \
        -out "$1.csr" 2> /dev/null
}

# sign CA SERIAL NAME SECTION: a certificate for a request. Serial numbers are only unique within a CA.
sign() {
    openssl x509 -req -in "$3.csr" -CA "$1/cert.pem" -CAkey "$1/key.pem" -set_serial "$2" -days 36500 \
        -extfile openssl.cnf -extensions "$4" -out "$3.pem" 2> /dev/null
}

# authority FOLDER: its key and certificate are FOLDER.key and FOLDER.pem.
authority() {
    mkdir "$1"
    mv "$1.key" "$1/key.pem"
    mv "$1.pem" "$1/cert.pem"
    : > "$1/index.txt"
    echo 01 > "$1/crlnumber"
}

# revoke CA CERTIFICATE
revoke() {
    reasons="unspecified keyCompromise CACompromise superseded cessationOfOperation certificateHold"
    reason=$(echo "$reasons" | cut -d ' ' -f $(($(random) % 6 + 1)))
    CA=$1 openssl ca -config openssl.cnf -name list -revoke "$2" -crl_reason "$reason" 2> /dev/null
}

for root in a b; do
    request $root "Root $root"
    openssl x509 -req -in $root.csr -signkey $root.key -days 36500 -extfile openssl.cnf -extensions ca -out $root.pem \
        2> /dev/null
    authority $root
done
for issuing in first second; do
    request $issuing "A's $issuing"
    if [ $issuing = first ]; then sign a 1 $issuing ca; else sign a 2 $issuing ca; fi
    authority $issuing
done
revoke a second/cert.pem

devices=""
for ca in a b first second; do
    # The first two numbers of root a are its CAs'.
    for serial in 3 4 5 6 7 8 200 65000; do
        request "$ca-$serial" "device $serial of $ca"
        sign $ca $serial "$ca-$serial" device
        devices="$devices $ca-$serial"
        if [ $(($(random) % 3)) = 0 ]; then revoke $ca "$ca-$serial.pem"; fi
    done
done
# Numbers that other CAs gave to something else.
request b-1 "device 1 of b"
sign b 1 b-1 device
request first-2 "device 2 of first"
sign first 2 first-2 device
devices="$devices b-1 first-2"

: > crls.pem
for ca in a b first second; do
    if [ $ca = first ]; then days=30; else days=36500; fi
    CA=$ca openssl ca -config openssl.cnf -name list -gencrl -crldays $days 2> /dev/null >> crls.pem
done
cat a/cert.pem b/cert.pem > roots.pem
cat first/cert.pem second/cert.pem > issuing.pem

now=$(date +%s)
: > answers.txt
: > devices.pem
for at in $((now + 86400)) $((now + 40 * 86400)); do
    place=0
    for device in $devices; do
        said=$(openssl verify -crl_check_all -attime $at -CAfile roots.pem -untrusted issuing.pem -CRLfile crls.pem \
            "$device.pem" 2>&1 || true)
        error=$(echo "$said" | sed -n 's/^error \([0-9]*\) at \([0-9]*\) depth.*/\1 \2/p' | head -n 1)
        echo "$at $place ${error:-0 0}" >> answers.txt
        place=$((place + 1))
    done
done
for device in $devices; do cat "$device.pem" >> devices.pem; done
for file in roots.pem issuing.pem devices.pem crls.pem; do mv $file "$out/population-$file"; done
mv answers.txt "$out/population-openssl.txt"
