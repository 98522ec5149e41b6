// Numbers of one word and of more: fields, keys, parameters and registers of 48 to 128 bits.
#include <core.p4>
#include <v1model.p4>

header input_h {
    bit<128> a; bit<128> b; bit<64> c; bit<64> d; int<64> e; bit<72> f; bit<63> g; bit<1> h;
    bit<8> what;
}
header results_h {
    bit<128> sum; bit<128> difference; bit<128> masked; bit<128> shifted; bit<128> chosen;
    bit<64> sum64; bit<64> product64; bit<64> left64; bit<64> right64; bit<64> inverted64;
    int<64> signed64; bit<72> sum72; bit<63> sum63; bit<8> order; bit<64> stored; bit<48> kept;
    bit<128> parameter; bit<64> narrow; bit<8> exactly; bit<8> longest; bit<8> patterned;
    bit<16> summed; bit<32> hashed; bit<1> last; bit<8> rest;
}
struct headers_t { input_h in_; results_h out_; }
struct metadata_t {}

parser WordParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
                  inout standard_metadata_t standard) {
    state start {
        transition select(packet.lookahead<bit<128>>()) {
            0x00112233445566778899aabbccddeeff: accept;
            0xff000000000000000000000000000000 &&& 0xff000000000000000000000000000001: twice;
            default: once;
        }
    }
    state once { packet.extract(hdr.in_); transition accept; }
    state twice { packet.advance(128); packet.extract(hdr.in_); transition accept; }
}
control Nothing(inout headers_t hdr, inout metadata_t meta) { apply {} }

control WordIngress(inout headers_t hdr, inout metadata_t meta,
                    inout standard_metadata_t standard) {
    register<bit<64>>(4) wide;
    register<bit<48>>(4) narrow;

    action arithmetic() {
        hdr.out_.sum = hdr.in_.a + hdr.in_.b;
        hdr.out_.difference = hdr.in_.a - hdr.in_.b;
        hdr.out_.masked = (hdr.in_.a | hdr.in_.b) & 0xffff0000ffff0000ffff0000ffff0000;
        hdr.out_.shifted = (hdr.in_.a << 37) ^ (hdr.in_.b >> 70);
        hdr.out_.chosen = hdr.in_.a < hdr.in_.b ? hdr.in_.a : ~hdr.in_.b;
        hdr.out_.sum64 = hdr.in_.c + hdr.in_.d;
        hdr.out_.product64 = hdr.in_.c * hdr.in_.d;
        hdr.out_.left64 = hdr.in_.c << hdr.in_.what;
        hdr.out_.right64 = hdr.in_.c >> 9;
        hdr.out_.inverted64 = ~hdr.in_.c;
        hdr.out_.signed64 = hdr.in_.e - 1;
        hdr.out_.sum72 = hdr.in_.f + 72w0xfffffffffffffffff;
        hdr.out_.sum63 = hdr.in_.g + (bit<63>)hdr.in_.c;
        hdr.out_.order = (bit<8>)(bit<1>)(hdr.in_.c < hdr.in_.d)
            | (bit<8>)(bit<1>)(hdr.in_.e < 0) << 1
            | (bit<8>)(bit<1>)(hdr.in_.a == hdr.in_.b) << 2
            | (bit<8>)(bit<1>)(hdr.in_.f >= 72w1 << 65) << 3;
        hdr.out_.narrow = hdr.in_.a[100:37];
        hdr.out_.last = hdr.in_.h;
    }
    action with_wide(bit<128> p, bit<64> q) { hdr.out_.parameter = p ^ (bit<128>)q; }
    action found_exact(bit<8> n) { hdr.out_.exactly = n; }
    action found_longest(bit<8> n) { hdr.out_.longest = n; }
    action found_pattern(bit<8> n) { hdr.out_.patterned = n; }
    table parameters {
        key = { hdr.in_.what : exact; }
        actions = { with_wide; }
        default_action = with_wide(0x123456789abcdef0fedcba9876543210, 0xffffffffffffffff);
    }
    table exactly {
        key = { hdr.in_.a : exact; hdr.in_.f : exact; }
        actions = { found_exact; NoAction; }
        default_action = NoAction();
    }
    table longest {
        key = { hdr.in_.a : lpm; }
        actions = { found_longest; NoAction; }
        default_action = NoAction();
    }
    table patterned {
        key = { hdr.in_.b : ternary; hdr.in_.c : ternary; }
        actions = { found_pattern; NoAction; }
        default_action = NoAction();
    }
    apply {
        standard.egress_spec = 2;
        if (hdr.in_.isValid()) {
            hdr.out_.setValid();
            arithmetic();
            parameters.apply();
            exactly.apply();
            longest.apply();
            patterned.apply();
            hash(hdr.out_.summed, HashAlgorithm.csum16, 16w0,
                 { hdr.in_.a, hdr.in_.f, hdr.in_.g, hdr.in_.h }, 17w0x10000);
            hash(hdr.out_.hashed, HashAlgorithm.crc32, 32w0, { hdr.in_.b, hdr.in_.c, hdr.in_.e },
                 33w0x100000000);
            narrow.read(hdr.out_.kept, 1);
            narrow.write(1, hdr.out_.kept + (bit<48>)hdr.in_.what);
            if (hdr.in_.what == 7) {
                wide.read(hdr.out_.stored, 2);
                wide.write(2, hdr.in_.c);
            }
        }
    }
}
control WordEgress(inout headers_t hdr, inout metadata_t meta,
                   inout standard_metadata_t standard) { apply {} }
control WordDeparser(packet_out packet, in headers_t hdr) {
    apply { packet.emit(hdr.out_); packet.emit(hdr.in_); }
}
V1Switch(WordParser(), Nothing(), WordIngress(), WordEgress(), Nothing(), WordDeparser()) main;
