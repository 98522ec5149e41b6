// Ingress, for every frame of a tenant, whether a machine sent it or a tunnel brought it: does the
// tenant exist, is the frame sound, is it within the tenant's rate and rules, and where does its
// sender live?

control IngressTenant(inout headers_t hdr,
                      inout metadata_t meta,
                      inout standard_metadata_t std_meta) {
    direct_counter(CounterType.packets_and_bytes) tenant_counter;
    direct_meter<bit<2>>(MeterType.bytes) tenant_meter;

    action admit() {
        tenant_counter.count();
        tenant_meter.read(meta.color);
    }

    table tenant {
        key = { meta.vni : exact @name("vni"); }
        actions = { admit; @defaultonly drop_because(meta); }
        const default_action = drop_because(meta, DropReason.VNI_UNKNOWN);
        counters = tenant_counter;
        meters = tenant_meter;
        size = 1024;
    }

    direct_counter(CounterType.packets_and_bytes) acl_counter;

    action permit() {
        acl_counter.count();
    }

    action deny() {
        acl_counter.count();
        meta.drop_reason = DropReason.ACL;
    }

    action permit_and_copy() {
        acl_counter.count();
        meta.punt_reason = PuntReason.ACL_COPY;
        clone_preserving_field_list(CloneType.I2E, CPU_CLONE_SESSION, CLONE_FIELDS);
    }

    table tenant_acl {
        key = {
            meta.vni               : ternary @name("vni");
            meta.tenant.ether_type : ternary @name("ether_type");
            meta.tenant.src        : ternary @name("src");
            meta.tenant.dst        : ternary @name("dst");
            meta.tenant.protocol   : ternary @name("protocol");
            meta.tenant.l4_src     : ternary @name("l4_src");
            meta.tenant.l4_dst     : ternary @name("l4_dst");
            meta.tenant.fragment   : ternary @name("fragment");
        }
        actions = { permit; deny; permit_and_copy; }
        default_action = permit();
        counters = acl_counter;
        size = 1024;
    }

    action known() { }

    action learn() {
        digest<mac_learn>(1, { meta.vni, hdr.ethernet.src_addr, meta.learn_port, meta.learn_vtep });
    }

    // The entries say where each address lives, so an address that moved misses and is told again.
    table smac {
        key = {
            meta.vni              : exact @name("vni");
            hdr.ethernet.src_addr : exact @name("mac");
            meta.learn_port       : exact @name("port");
            meta.learn_vtep       : exact @name("vtep");
        }
        actions = { known; @defaultonly learn; }
        const default_action = learn();
        size = 16384;
        support_timeout = true;
    }

    // What the tenant's IP and L4 headers claim must be inside the frame. l4_len is the length of
    // the IP packet's payload; it is only called where the claimed packet fits the frame.
    action check_l4(in bit<16> l4_len, out bool good) {
        good = (!hdr.udp.isValid()
                || (hdr.udp.length >= UDP_LEN && l4_len >= UDP_LEN
                    && (meta.tenant.fragment == 1 || hdr.udp.length <= l4_len)))
            && (!hdr.tcp.isValid() || l4_len >= (bit<16>)hdr.tcp.data_offset << 2
                || (meta.tenant.fragment == 1 && l4_len >= TCP_MIN_LEN))
            && (!hdr.icmp.isValid() || l4_len >= ICMP_MIN_LEN);
    }

    action check_ipv4(out bool good) {
        bit<16> header_len = (bit<16>)hdr.ipv4.ihl << 2;
        good = hdr.ipv4.total_len >= header_len
            && (bit<17>)hdr.ipv4.total_len + (bit<17>)ETHERNET_LEN <= (bit<17>)meta.tenant_len;
    }

    action check_ipv6(out bool good) {
        good = (bit<17>)hdr.ipv6.payload_len + (bit<17>)(IPV6_LEN + ETHERNET_LEN)
            <= (bit<17>)meta.tenant_len;
    }

    action mark_fragment() {
        meta.tenant.fragment = 1;
    }

    apply {
        bool good = true;
        tenant.apply();
        if (meta.drop_reason == DropReason.NONE) {
            if (hdr.ethernet.src_addr[40:40] == 1) {
                meta.drop_reason = DropReason.SOURCE_MAC;
            } else if (hdr.ipv4.isValid()) {
                if (hdr.ipv4.more_fragments == 1 || hdr.ipv4.frag_offset != 0) {
                    mark_fragment();
                }
                check_ipv4(good);
                if (good) {
                    check_l4(hdr.ipv4.total_len - ((bit<16>)hdr.ipv4.ihl << 2), good);
                }
                if (hdr.ipv4.ttl == 0) {
                    meta.drop_reason = DropReason.TTL;
                }
            } else if (hdr.ipv6.isValid()) {
                check_ipv6(good);
                if (good) {
                    check_l4(hdr.ipv6.payload_len, good);
                }
                if (hdr.ipv6.hop_limit == 0) {
                    meta.drop_reason = DropReason.TTL;
                }
            }
        }
        if (!good) {
            meta.drop_reason = DropReason.LENGTH;
        }
        if (meta.drop_reason == DropReason.NONE) {
            if (meta.color == V1MODEL_METER_COLOR_RED) {
                meta.drop_reason = DropReason.METER;
            } else {
                tenant_acl.apply();
            }
        }
        // Only a frame that may pass teaches anything.
        if (meta.drop_reason == DropReason.NONE) {
            smac.apply();
        }
    }
}
