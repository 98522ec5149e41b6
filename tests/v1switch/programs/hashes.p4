// Hash algorithms that BMv2 has and v1model cannot name: mend.py puts them where a field or a
// selector is named after one.
#include <core.p4>
#include <v1model.p4>

header key_h { bit<8> a; bit<16> flow; bit<128> address; bit<8> length; }
header text_h { varbit<800> bytes; }
header found_h {
    bit<64> xxh64; bit<64> bmv2_hash; bit<64> crc64_custom;
    bit<32> hash_ex; bit<32> toeplitz; bit<32> xor32;
    bit<16> crcCCITT; bit<16> cksum16; bit<8> crc8_custom;
    bit<32> check; bit<64> long_check; bit<8> wrong;
}
header picks_h {
    bit<8> xxh64; bit<8> bmv2_hash; bit<8> crc64_custom; bit<8> hash_ex; bit<8> toeplitz;
    bit<8> xor32; bit<8> crcCCITT; bit<8> cksum16; bit<8> crc8_custom; bit<8> identity;
}
struct headers_t { key_h key; text_h text; found_h found; picks_h picks; }
struct metadata_t {}

parser HashesParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
                    inout standard_metadata_t standard) {
    state start {
        packet.extract(hdr.key);
        packet.extract(hdr.text, (bit<32>)hdr.key.length[6:0] * 8);
        transition accept;
    }
}
control Verify(inout headers_t hdr, inout metadata_t meta) {
    apply { verify_checksum(true, { hdr.key.address }, hdr.key.flow, HashAlgorithm.identity); }
}

#define SELECTOR(NAME) \
    action_selector(HashAlgorithm.crc32, 32w32, 32w32) by_##NAME; \
    action mark_##NAME(bit<8> v) { hdr.picks.NAME = v; } \
    table pick_##NAME { \
        key = { hdr.key.a : exact; hdr.key.address : selector; hdr.key.flow : selector; } \
        actions = { mark_##NAME; } \
        implementation = by_##NAME; \
        size = 16; \
    }

control HashesIngress(inout headers_t hdr, inout metadata_t meta,
                      inout standard_metadata_t standard) {
    SELECTOR(xxh64)
    SELECTOR(bmv2_hash)
    SELECTOR(crc64_custom)
    SELECTOR(hash_ex)
    SELECTOR(toeplitz)
    SELECTOR(xor32)
    SELECTOR(crcCCITT)
    SELECTOR(cksum16)
    SELECTOR(crc8_custom)
    SELECTOR(identity)
    apply {
        standard.egress_spec = 2;
        hdr.found.setValid();
        hdr.picks.setValid();
        hash(hdr.found.xxh64, HashAlgorithm.crc16, 64w0, { hdr.key.flow, hdr.text.bytes }, 64w0xffffffffffffffff);
        hash(hdr.found.bmv2_hash, HashAlgorithm.crc16, 64w0, { hdr.text.bytes }, 64w1000003);
        hash(hdr.found.crc64_custom, HashAlgorithm.crc16, 64w5, { hdr.key.address }, 64w0xffffffffffffffff);
        hash(hdr.found.hash_ex, HashAlgorithm.crc16, 32w0, { hdr.key.flow, hdr.text.bytes }, 64w0x100000000);
        hash(hdr.found.toeplitz, HashAlgorithm.crc16, 32w0, { hdr.key.flow, hdr.text.bytes }, 64w0x100000000);
        hash(hdr.found.xor32, HashAlgorithm.crc16, 32w0, { hdr.key.flow, hdr.text.bytes }, 64w0x100000000);
        hash(hdr.found.crcCCITT, HashAlgorithm.crc16, 16w0, { hdr.key.flow, hdr.text.bytes }, 32w0x10000);
        hash(hdr.found.cksum16, HashAlgorithm.crc16, 16w0, { hdr.key.flow, hdr.text.bytes }, 32w0x10000);
        hash(hdr.found.crc8_custom, HashAlgorithm.crc16, 8w0, { hdr.key.flow, hdr.text.bytes }, 16w0x100);
        hdr.found.wrong = (bit<8>)standard.checksum_error;
        pick_xxh64.apply();
        pick_bmv2_hash.apply();
        pick_crc64_custom.apply();
        pick_hash_ex.apply();
        pick_toeplitz.apply();
        pick_xor32.apply();
        pick_crcCCITT.apply();
        pick_cksum16.apply();
        pick_crc8_custom.apply();
        pick_identity.apply();
    }
}
control HashesEgress(inout headers_t hdr, inout metadata_t meta,
                     inout standard_metadata_t standard) { apply {} }
control Update(inout headers_t hdr, inout metadata_t meta) {
    apply {
        update_checksum(true, { hdr.key.flow, hdr.text.bytes }, hdr.found.check, HashAlgorithm.crc32);
        update_checksum(true, { hdr.key.address }, hdr.found.long_check, HashAlgorithm.crc32);
    }
}
control HashesDeparser(packet_out packet, in headers_t hdr) {
    apply { packet.emit(hdr.key); packet.emit(hdr.text); packet.emit(hdr.found); packet.emit(hdr.picks); }
}
V1Switch(HashesParser(), Verify(), HashesIngress(), HashesEgress(), Update(),
         HashesDeparser()) main;
