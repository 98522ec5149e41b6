// Named constants of the protocols, of the target and of this program.

// ---- Ethernet (IEEE 802.3, 802.1Q) ------------------------------------------------------------

typedef bit<9>  port_t;
typedef bit<48> mac_t;
typedef bit<32> ipv4_t;
typedef bit<24> vni_t;
typedef bit<12> vid_t;

const bit<16> ETHERTYPE_IPV4 = 0x0800;
const bit<16> ETHERTYPE_ARP  = 0x0806;
const bit<16> ETHERTYPE_VLAN = 0x8100;
const bit<16> ETHERTYPE_IPV6 = 0x86dd;

// 01:80:c2:00:00:00 to :0f never cross a bridge (IEEE 802.1Q, table 8-1). These are the upper 44 bits.
const bit<44> LINK_LOCAL_GROUP = 0x0180c200000;

// ---- ARP (RFC 826) ----------------------------------------------------------------------------

const bit<16> ARP_HARDWARE_ETHERNET = 1;
const bit<16> ARP_REQUEST = 1;
const bit<16> ARP_REPLY   = 2;

// ---- IP ---------------------------------------------------------------------------------------

const bit<8> PROTO_ICMP   = 1;
const bit<8> PROTO_TCP    = 6;
const bit<8> PROTO_UDP    = 17;
const bit<8> PROTO_ICMPV6 = 58;

// Explicit congestion notification (RFC 3168, section 5).
const bit<2> ECN_NOT_ECT = 0b00;
const bit<2> ECN_ECT1    = 0b01;
const bit<2> ECN_ECT0    = 0b10;
const bit<2> ECN_CE      = 0b11;

// ---- VXLAN (RFC 7348) -------------------------------------------------------------------------

const bit<16> VXLAN_PORT_IANA    = 4789;  // Docker overlay, Calico
const bit<16> VXLAN_PORT_FLANNEL = 8472;  // the Linux driver's old default
const bit<16> VXLAN_PORT_WEAVE   = 6784;

const bit<8>  TUNNEL_TTL = 64;
// The source port carries the entropy of the inner flow; RFC 7348 asks for the dynamic range.
const bit<16> ENTROPY_PORT_FIRST = 49152;
const bit<16> ENTROPY_PORT_COUNT = 16384;

// ---- Sizes, in bytes --------------------------------------------------------------------------

const bit<16> ETHERNET_LEN = 14;
const bit<16> VLAN_TAG_LEN = 4;
const bit<16> IPV4_MIN_LEN = 20;
const bit<16> IPV6_LEN     = 40;
const bit<16> UDP_LEN      = 8;
const bit<16> TCP_MIN_LEN  = 20;
const bit<16> ICMP_MIN_LEN = 4;
const bit<16> VXLAN_LEN    = 8;

// ---- The target -------------------------------------------------------------------------------

const port_t CPU_PORT = 510;              // start the switch with --cpu-port 510
const bit<32> CPU_CLONE_SESSION = 510;    // the controller maps this session to CPU_PORT
const bit<8>  CLONE_FIELDS = 1;           // the list of metadata that a clone keeps

// ---- Codes reported to the controller ---------------------------------------------------------

// Why a frame came in by packet-in.
enum bit<7> PuntReason {
    NONE     = 0,
    PUNT     = 1,   // trapped by the table punt
    ACL_COPY = 2    // copied by the table tenant_acl; the original is forwarded
}

// Why a frame was dropped: the index into ingress_drops and egress_drops.
enum bit<8> DropReason {
    NONE          = 0,
    // -- decided in ingress
    TRUNCATED     = 1,   // a header runs past the end of the frame
    MALFORMED     = 2,   // a header contradicts itself: IP version, IHL, TCP data offset
    IP_CHECKSUM   = 3,   // the first IPv4 header's checksum is wrong
    LENGTH        = 4,   // a length field exceeds the frame
    TTL           = 5,   // TTL or hop limit is zero, or would be (in egress too)
    PORT_UNKNOWN  = 6,   // ingress port is not in port_kind
    UNTAGGED      = 7,   // no 802.1Q tag on an access port
    VLAN_UNKNOWN  = 8,   // (access port, VLAN id) is not in access_vni
    NOT_OUR_MAC   = 9,   // underlay frame for another station
    NOT_UNDERLAY  = 10,  // tagged, or not IPv4, on an underlay port
    NO_ROUTE      = 11,  // outer destination not in underlay_route, or its group is empty
    VXLAN_PORT    = 12,  // UDP port of a VXLAN flavour that is not enabled
    VXLAN_FLAGS   = 13,  // VXLAN header without the I flag
    VNI_UNKNOWN   = 14,  // VNI is not in tenant
    METER         = 15,  // the tenant's meter returned red
    SOURCE_MAC    = 16,  // the source address is a group address
    ACL           = 17,  // denied by tenant_acl
    LINK_LOCAL    = 18,  // bridge group address: never forwarded
    NO_FLOOD      = 19,  // broadcast, unknown or multicast, and no group in vni_flood
    REFLECTED     = 20,  // the destination is on the port that the frame came from
    // -- decided in egress
    SPLIT_HORIZON = 21,  // the copy of a flood towards the port it came from
    REPLICA       = 22,  // replica id is not in replica
    TENANT_ABSENT = 23,  // (egress port, VNI) is not in deliver_vlan
    TOO_BIG       = 24,  // longer than the port's MTU; nothing is ever fragmented
    ECN           = 25,  // congestion experienced, but the inner transport is not ECN-capable
    NO_LINK       = 26   // egress port is not in link_macs
}

const bit<32> DROP_REASONS = 64;
const bit<32> PORTS = 512;
