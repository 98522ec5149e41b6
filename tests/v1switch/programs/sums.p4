// Checksums: verified and updated, with and without payload, conditions, options and wide fields.
#include <core.p4>
#include <v1model.p4>

header ip_h {
    bit<4> version; bit<4> ihl; bit<8> tos; bit<16> len; bit<16> sum; bit<32> src; bit<32> dst;
    varbit<96> options;
}
header l4_h { bit<8> kind; bit<8> flags; bit<16> sum; bit<128> wide; }
header tail_h { bit<7> odd; bit<1> one; bit<16> crc; bit<32> crc32_; bit<16> folded; }
header note_h { bit<8> wrong; bit<16> check; bit<16> with_payload; }
struct headers_t { ip_h ip; l4_h l4; tail_h tail; note_h note; }
struct metadata_t { bit<16> pseudo; bit<1> asked; }

parser SumParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
                 inout standard_metadata_t standard) {
    state start {
        bit<8> first = packet.lookahead<bit<8>>();
        packet.extract(hdr.ip, (bit<32>)(first[1:0]) * 32);
        meta.pseudo = hdr.ip.len;
        meta.asked = hdr.ip.tos[0:0];
        transition select(hdr.ip.tos[1:1]) { 1: l4; default: accept; }
    }
    state l4 { packet.extract(hdr.l4); packet.extract(hdr.tail); transition accept; }
}
control SumVerify(inout headers_t hdr, inout metadata_t meta) {
    apply {
        verify_checksum(meta.asked == 1,
            { hdr.ip.version, hdr.ip.ihl, hdr.ip.tos, hdr.ip.len, hdr.ip.src, hdr.ip.dst, hdr.ip.options },
            hdr.ip.sum, HashAlgorithm.csum16);
        verify_checksum_with_payload(hdr.l4.isValid() && hdr.l4.flags[7:7] == 1,
            { hdr.ip.src, hdr.ip.dst, meta.pseudo, hdr.l4.kind, hdr.l4.flags, hdr.l4.wide },
            hdr.l4.sum, HashAlgorithm.csum16);
    }
}
control SumIngress(inout headers_t hdr, inout metadata_t meta,
                   inout standard_metadata_t standard) {
    apply {
        standard.egress_spec = 2;
        hdr.note.setValid();
        hdr.note.wrong = (bit<8>)standard.checksum_error;
        if (hdr.ip.tos[2:2] == 1) { hdr.ip.src = hdr.ip.dst; hdr.l4.wide = hdr.l4.wide + 1; }
        if (hdr.ip.tos[3:3] == 1) { hdr.l4.setInvalid(); }
    }
}
control SumEgress(inout headers_t hdr, inout metadata_t meta,
                  inout standard_metadata_t standard) { apply {} }
control SumCompute(inout headers_t hdr, inout metadata_t meta) {
    apply {
        update_checksum(hdr.ip.isValid() && meta.asked == 0,
            { hdr.ip.version, hdr.ip.ihl, hdr.ip.tos, hdr.ip.len, hdr.ip.src, hdr.ip.dst, hdr.ip.options },
            hdr.ip.sum, HashAlgorithm.csum16);
        update_checksum_with_payload(hdr.l4.isValid(),
            { hdr.ip.src, hdr.ip.dst, meta.pseudo, hdr.l4.kind, hdr.l4.flags, hdr.l4.wide },
            hdr.l4.sum, HashAlgorithm.csum16);
        update_checksum(hdr.tail.isValid(), { hdr.l4.wide, hdr.tail.odd, hdr.tail.one },
            hdr.tail.crc, HashAlgorithm.crc16);
        update_checksum_with_payload(hdr.tail.isValid(), { hdr.tail.odd, hdr.tail.one, 8w7 },
            hdr.tail.crc32_, HashAlgorithm.crc32);
        update_checksum(hdr.tail.isValid(), { hdr.ip.src, hdr.l4.kind, hdr.l4.wide },
            hdr.tail.folded, HashAlgorithm.xor16);
        update_checksum(hdr.note.isValid(), { hdr.ip.options, hdr.l4.flags },
            hdr.note.check, HashAlgorithm.csum16);
        update_checksum_with_payload(hdr.note.isValid(), { hdr.ip.options },
            hdr.note.with_payload, HashAlgorithm.csum16);
    }
}
control SumDeparser(packet_out packet, in headers_t hdr) {
    apply { packet.emit(hdr.note); packet.emit(hdr.ip); packet.emit(hdr.l4); packet.emit(hdr.tail); }
}
V1Switch(SumParser(), SumVerify(), SumIngress(), SumEgress(), SumCompute(), SumDeparser()) main;
