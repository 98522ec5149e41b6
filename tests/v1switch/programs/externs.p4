// Hashes, registers, counters, meters, digests, checksums with and without payload.
#include <core.p4>
#include <v1model.p4>

header input_h { bit<48> a; bit<16> b; bit<7> c; bit<1> d; bit<8> index; bit<16> sum; bit<16> sum2; }
header results_h {
    bit<16> crc16_; bit<32> crc32_; bit<16> csum16_; bit<16> xor16_; bit<64> identity_;
    bit<16> crc16_custom_; bit<32> crc32_custom_; bit<16> bounded;
    bit<32> stored; bit<48> wide_stored; bit<8> color; bit<8> direct_color; bit<8> checksum_error;
}
struct headers_t { input_h in_; results_h out_; }
struct metadata_t { bit<8> color; bit<8> direct_color; }
struct seen_t { bit<48> a; bit<8> index; bit<9> port; }

parser ExternParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
                    inout standard_metadata_t standard) {
    state start { packet.extract(hdr.in_); transition accept; }
}
control ExternVerify(inout headers_t hdr, inout metadata_t meta) {
    apply {
        verify_checksum(hdr.in_.isValid() && hdr.in_.d == 1,
                        { hdr.in_.a, hdr.in_.b, hdr.in_.c, hdr.in_.d, hdr.in_.index },
                        hdr.in_.sum, HashAlgorithm.csum16);
    }
}
control ExternIngress(inout headers_t hdr, inout metadata_t meta,
                      inout standard_metadata_t standard) {
    register<bit<32>>(16) cells;
    register<bit<48>>(4) wide_cells;
    counter(16, CounterType.packets_and_bytes) seen;
    direct_counter(CounterType.packets_and_bytes) by_entry;
    meter(4, MeterType.packets) pace;
    direct_meter<bit<8>>(MeterType.bytes) entry_pace;

    action note() { entry_pace.read(meta.direct_color); }
    table entries_ {
        key = { hdr.in_.index : exact; }
        actions = { note; NoAction; }
        counters = by_entry;
        meters = entry_pace;
    }
    apply {
        standard.egress_spec = 2;
        if (hdr.in_.isValid()) {
            hdr.out_.setValid();
            hash(hdr.out_.crc16_, HashAlgorithm.crc16, 16w0, { hdr.in_.a, hdr.in_.b }, 17w0x10000);
            hash(hdr.out_.crc32_, HashAlgorithm.crc32, 32w0,
                 { hdr.in_.a, hdr.in_.b, hdr.in_.c }, 33w0x100000000);
            hash(hdr.out_.csum16_, HashAlgorithm.csum16, 16w0, { hdr.in_.a, hdr.in_.index },
                 17w0x10000);
            hash(hdr.out_.xor16_, HashAlgorithm.xor16, 16w0, { hdr.in_.a, hdr.in_.index },
                 17w0x10000);
            hash(hdr.out_.identity_, HashAlgorithm.identity, 32w0, { hdr.in_.b, hdr.in_.index },
                 33w0x100000000);
            hash(hdr.out_.crc16_custom_, HashAlgorithm.crc16_custom, 16w0,
                 { hdr.in_.a, hdr.in_.b }, 17w0x10000);
            hash(hdr.out_.crc32_custom_, HashAlgorithm.crc32_custom, 32w0,
                 { hdr.in_.a, hdr.in_.b }, 33w0x100000000);
            hash(hdr.out_.bounded, HashAlgorithm.crc32, 16w1000, { hdr.in_.a }, 16w100);
            cells.read(hdr.out_.stored, (bit<32>)hdr.in_.index);
            cells.write((bit<32>)hdr.in_.index, hdr.out_.stored + (bit<32>)hdr.in_.b);
            wide_cells.read(hdr.out_.wide_stored, 1);
            wide_cells.write(1, hdr.in_.a);
            seen.count((bit<32>)hdr.in_.index);
            pace.execute_meter((bit<32>)(hdr.in_.index & 3), meta.color);
            entries_.apply();
            hdr.out_.color = meta.color;
            hdr.out_.direct_color = meta.direct_color;
            hdr.out_.checksum_error = (bit<8>)standard.checksum_error;
            digest<seen_t>(1, { hdr.in_.a, hdr.in_.index, standard.ingress_port });
            log_msg("index {} port {}", { hdr.in_.index, standard.ingress_port });
        }
    }
}
control ExternEgress(inout headers_t hdr, inout metadata_t meta,
                     inout standard_metadata_t standard) { apply {} }
control ExternCompute(inout headers_t hdr, inout metadata_t meta) {
    apply {
        update_checksum(hdr.in_.isValid(),
                        { hdr.in_.a, hdr.in_.b, hdr.in_.c, hdr.in_.d, hdr.in_.index },
                        hdr.in_.sum, HashAlgorithm.csum16);
        update_checksum_with_payload(hdr.in_.isValid() && hdr.in_.c == 1,
                        { hdr.in_.a, hdr.in_.b }, hdr.in_.sum2, HashAlgorithm.csum16);
    }
}
control ExternDeparser(packet_out packet, in headers_t hdr) {
    apply { packet.emit(hdr.out_); packet.emit(hdr.in_); }
}
V1Switch(ExternParser(), ExternVerify(), ExternIngress(), ExternEgress(), ExternCompute(),
         ExternDeparser()) main;
