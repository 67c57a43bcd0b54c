#!/bin/sh
# Makes the CRLs of this folder with OpenSSL 3 and cfssl, as operators do. Keys are thrown away.
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
default_md = default
crl_extensions = full
[plain]
database = index.txt
default_md = default
[full]
authorityKeyIdentifier = keyid:always
[user_shard]
authorityKeyIdentifier = keyid:always
issuingDistributionPoint = critical,@user_shard_point
[user_shard_point]
fullname = URI:http://crl.example.com/shard-7.crl
onlyuser = TRUE
[some_reasons]
issuingDistributionPoint = critical,@some_reasons_point
[some_reasons_point]
onlysomereasons = keyCompromise, CACompromise
[indirect]
issuingDistributionPoint = critical,@indirect_point
[indirect_point]
indirectCRL = TRUE
[attributes]
issuingDistributionPoint = critical,@attributes_point
[attributes_point]
onlyAA = TRUE
[delta]
2.5.29.27 = critical,DER:02:01:01
[request]
distinguished_name = dn
[dn]
[root]
basicConstraints = critical,CA:TRUE
subjectKeyIdentifier = hash
keyUsage = critical,keyCertSign,cRLSign
[no_crl_sign]
basicConstraints = critical,CA:TRUE
subjectKeyIdentifier = hash
keyUsage = critical,keyCertSign
CNF

# Every reason, serial numbers of many lengths, one with a leading zero octet.
printf 'R\t351231235959Z\t250101000000Z\t01\tunknown\t/CN=a\n' > index.txt
row() { printf 'R\t351231235959Z\t%s\t%s\tunknown\t/CN=d\n' "$1" "$2" >> index.txt; }
row 250102000000Z,keyCompromise 80FF
row 250103000000Z,CACompromise 7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF
row 250104000000Z,affiliationChanged 0123456789ABCDEF0123456789ABCDEF
row 250105000000Z,superseded 1000
row 250106000000Z,cessationOfOperation 1001
row 250107000000Z,certificateHold 1002
row 250108000000Z,unspecified 1003
row 250109000000Z,keyTime,20250101000000Z 1004

crl() { # ca key name [options]
    ca=$1 key=$2 name=$3
    shift 3
    openssl ca -config openssl.cnf -gencrl -cert "$ca" -keyfile "$key" -out "$name.pem" \
        -crl_lastupdate 20260101000000Z -crl_nextupdate 20260201000000Z "$@" 2>> log || { cat log; exit 1; }
    openssl crl -in "$name.pem" -outform DER -out "$out/$name.crl"
}

for kind in rsa ecdsa ed25519; do
    case $kind in
        rsa) openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out $kind.key 2> log ;;
        ecdsa) openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out $kind.key 2> log ;;
        ed25519) openssl genpkey -algorithm ED25519 -out $kind.key 2> log ;;
    esac
    openssl req -x509 -new -utf8 -config openssl.cnf -extensions root -key $kind.key -days 7300 \
        -subj "/C=US/O=Geräte/CN=OpenSSL $kind" -outform DER -out "$out/$kind.cer"
    echo 1000 > crlnumber
    crl "$out/$kind.cer" $kind.key openssl-$kind
    cp openssl-$kind.pem "$out/"
done

crl "$out/rsa.cer" rsa.key openssl-sha1 -md sha1
for kind in user_shard some_reasons indirect attributes delta; do
    crl "$out/ecdsa.cer" ecdsa.key openssl-$kind -crlexts $kind
done
crl "$out/ecdsa.cer" ecdsa.key openssl-v1 -name plain
: > index.txt
crl "$out/ecdsa.cer" ecdsa.key openssl-empty
openssl req -x509 -new -config openssl.cnf -extensions no_crl_sign -key ecdsa.key -days 7300 \
    -subj "/C=US/O=Geräte/CN=OpenSSL ecdsa" -utf8 -outform DER -out "$out/ecdsa-no-crl-sign.cer"

# cfssl: as the product document has it, once with the serial number in decimal and once in hexadecimal; and on a CA
# that OpenSSL made, whose name cfssl writes anew.
echo '{"CN":"cfssl","key":{"algo":"ecdsa","size":256},"names":[{"C":"US","O":"Fleet"}]}' > ca.json
echo '{"CN":"device","key":{"algo":"ecdsa","size":256}}' > device.json
cfssl gencert -initca ca.json 2>> log | cfssljson -bare ca
cfssl gencert -ca ca.pem -ca-key ca-key.pem device.json 2>> log | cfssljson -bare device
openssl x509 -in ca.pem -outform DER -out "$out/cfssl.cer"
openssl x509 -in device.pem -outform DER -out "$out/cfssl-device.cer"
openssl x509 -in device.pem -noout -serial | cut -d= -f2 > hex.txt
python3 -c 'print(int(open("hex.txt").read(), 16))' > decimal.txt
cfssl gencrl decimal.txt ca.pem ca-key.pem > "$out/cfssl-decimal.base64" 2>> log
cfssl gencrl hex.txt ca.pem ca-key.pem > "$out/cfssl-hex.base64" 2>> log

openssl ecparam -genkey -name prime256v1 -noout -out utf8.key
openssl req -x509 -new -config openssl.cnf -extensions root -key utf8.key -days 7300 -utf8 -subj "/C=US/O=Fleet/CN=UTF8 CA" -out utf8.pem
openssl x509 -in utf8.pem -outform DER -out "$out/utf8.cer"
cfssl gencrl decimal.txt utf8.pem utf8.key > "$out/cfssl-utf8.base64" 2>> log
openssl req -x509 -new -config openssl.cnf -extensions root -key utf8.key -days 7300 -utf8 -subj "/CN=Order CA/O=Fleet/C=US" -out order.pem
openssl x509 -in order.pem -outform DER -out "$out/order.cer"
cfssl gencrl decimal.txt order.pem utf8.key > "$out/cfssl-order.base64" 2>> log
