// Registers, counters and hashes at and beyond their ends; random numbers within their bounds.
#include <core.p4>
#include <v1model.p4>

header in_h { bit<8> at; bit<8> what; bit<48> a; bit<100> wide; bit<4> pad; int<16> signed_; }
header note_h { varbit<64> text; }
header out_h {
    bit<32> read; bit<48> read_wide; bit<8> read_odd; bit<128> read_huge; int<16> read_signed;
    bit<16> zero_max; bit<16> with_base; bit<32> crc; bit<16> of_struct; bit<64> same;
    bit<16> narrow; bit<8> crc8; bit<8> random_; bit<16> once; bit<16> never; bit<16> short;
}
struct headers_t { in_h in_; note_h note; out_h out_; }
struct pair_t { bit<8> x; bit<16> y; }
struct metadata_t { bit<16> drawn; pair_t pair; }

parser CellParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
                  inout standard_metadata_t standard) {
    state start {
        packet.extract(hdr.in_);
        transition select(hdr.in_.what[7:7]) { 1: note; default: accept; }
    }
    state note { packet.extract(hdr.note, (bit<32>)(hdr.in_.what[2:0]) * 8); transition accept; }
}
control Nothing(inout headers_t hdr, inout metadata_t meta) { apply {} }

control CellIngress(inout headers_t hdr, inout metadata_t meta,
                    inout standard_metadata_t standard) {
    register<bit<32>>(8) words;
    register<bit<48>>(5) long_words;
    register<bit<3>>(8) odd;
    register<bit<128>>(4) huge;
    register<int<16>>(4) signed_cells;
    counter(6, CounterType.packets_and_bytes) some;
    counter(300, CounterType.packets) many;
    counter(4, CounterType.bytes) weights;
    action use_cells() {
        bit<32> at = (bit<32>)hdr.in_.at;
        words.read(hdr.out_.read, at);
        words.write(at, hdr.out_.read + hdr.in_.a[31:0]);
        long_words.read(hdr.out_.read_wide, at >> 1);
        long_words.write(at >> 1, hdr.in_.a);
        bit<3> small;
        odd.read(small, 7);
        odd.write(7, small + 3);
        hdr.out_.read_odd = (bit<8>)small;
        huge.read(hdr.out_.read_huge, 2);
        huge.write(2, hdr.out_.read_huge + (bit<128>)hdr.in_.wide);
        signed_cells.read(hdr.out_.read_signed, at & 3);
        signed_cells.write(at & 3, hdr.in_.signed_);
        some.count(at);
        some.count(5);
        many.count(at);
        weights.count(at & 3);
    }
    apply {
        standard.egress_spec = 2;
        if (hdr.in_.isValid()) {
            hdr.out_.setValid();
            use_cells();
            meta.pair = { hdr.in_.at, hdr.in_.a[15:0] };
            hash(hdr.out_.zero_max, HashAlgorithm.crc16, 16w7, { hdr.in_.a }, 16w0);
            hash(hdr.out_.with_base, HashAlgorithm.crc16, 16w0xfff0, { hdr.in_.a }, 16w1000);
            hash(hdr.out_.crc, HashAlgorithm.crc32, 32w0, { hdr.in_.wide, hdr.in_.pad, hdr.in_.signed_ }, 64w0x100000000);
            hash(hdr.out_.of_struct, HashAlgorithm.csum16, 16w0, meta.pair, 32w65536);
            hash(hdr.out_.same, HashAlgorithm.identity, 64w0, { hdr.in_.wide, hdr.in_.pad }, 64w0xffffffffffffffff);
            if (hdr.note.isValid()) {
                hash(hdr.out_.narrow, HashAlgorithm.xor16, 16w0, { hdr.note.text, hdr.in_.at, 8w255 }, 32w65536);
                hash(hdr.out_.crc8, HashAlgorithm.crc32_custom, 8w0, { hdr.note.text }, 16w256);
            }
            hash(hdr.out_.short, HashAlgorithm.crc16_custom, 16w0, { hdr.in_.pad, hdr.in_.what }, (bit<16>)hdr.in_.at);
            random(meta.drawn, 16w100, 16w200);
            hdr.out_.random_ = (meta.drawn >= 100 && meta.drawn <= 200) ? 8w1 : 8w0;
            random(hdr.out_.once, 16w4321, 16w4321);
            hdr.out_.never = 0x55;
            random(hdr.out_.never, 16w9, 16w3);
            assert(hdr.out_.once == 4321);
            assume(hdr.in_.isValid());
            log_msg("cell {} of {}", { hdr.in_.at, hdr.in_.a });
        }
    }
}
control CellEgress(inout headers_t hdr, inout metadata_t meta,
                   inout standard_metadata_t standard) { apply {} }
control CellDeparser(packet_out packet, in headers_t hdr) {
    apply { packet.emit(hdr.in_); packet.emit(hdr.note); packet.emit(hdr.out_); }
}
V1Switch(CellParser(), Nothing(), CellIngress(), CellEgress(), Nothing(), CellDeparser()) main;
