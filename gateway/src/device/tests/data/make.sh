#!/bin/sh
# Makes the SHA-1 chains of this folder with OpenSSL 3: for each kind of key a root, a CA below it and a device, all
# signed with SHA-1, and a device that the same root signed with SHA-256. Keys are thrown away.
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
[device]
basicConstraints = critical,CA:FALSE
extendedKeyUsage = clientAuth
CNF

key() {
    case $1 in
    rsa) openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 ;;
    p256) openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 ;;
    p384) openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-384 ;;
    p521) openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-521 ;;
    esac > "$2.key"
}

# issue NAME SECTION DIGEST KIND SIGNER
issue() {
    key "$4" "$1"
    openssl req -new -key "$1.key" -subj "/CN=$1" -out "$1.csr"
    if [ "$1" = "$5" ]; then by="-signkey $5.key"; else by="-CA $5.pem -CAkey $5.key -CAcreateserial"; fi
    # shellcheck disable=SC2086 # two or four words
    openssl x509 -req -in "$1.csr" $by -"$3" -days 36500 -extfile openssl.cnf -extensions "$2" -out "$1.pem" 2> /dev/null
    openssl x509 -in "$1.pem" -outform DER -out "$out/$1.cer"
}

rm -f "$out"/sha1-*.cer
for kind in rsa p256 p384 p521; do
    issue "sha1-$kind-root" ca sha1 "$kind" "sha1-$kind-root"
    issue "sha1-$kind-issuing" ca sha1 "$kind" "sha1-$kind-root"
    issue "sha1-$kind-device" device sha1 "$kind" "sha1-$kind-issuing"
    issue "sha1-$kind-modern" device sha256 "$kind" "sha1-$kind-root"
done

# The CA below the P-256 root once more, with a day to live.
openssl x509 -req -in sha1-p256-issuing.csr -CA sha1-p256-root.pem -CAkey sha1-p256-root.key -sha1 -days 1 \
    -extfile openssl.cnf -extensions ca -outform DER -out "$out/sha1-p256-expired.cer" 2> /dev/null
