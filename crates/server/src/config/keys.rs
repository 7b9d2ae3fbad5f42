//! Every configuration key, one row each: name, default, kind and bounds. Its sentence is in the catalogues, `help-cli-serve`.
//!
//! File, environment variable, flag of `serve`, its help, the reference and the documents are made from these rows. A row
//! puts its value into a field of [`Config`], mostly one that belongs to the part of the server that uses it.

use super::takes::Takes::{
    Address, Count, Filter, Header, Milliseconds, Names, Path, PrivateUrl, Proxies, PublicUrl, Seconds,
};
use super::{Bounds, Key};

/// More than a server of one process can come near.
const MANY: u32 = 1_000_000_000;

/// A limit: any number of things, where 0 stands for no limit.
const LIMIT: Bounds = Bounds(0, MANY);

const HOUR: u32 = 60 * 60;
const DAY: u32 = 24 * HOUR;

/// Every key.
pub const KEYS: &[Key] = &[
    Key {
        name: "graph-listen",
        default: "127.0.0.1:8443",
        takes: Address(|config, value| config.graph_listen = value),
    },
    Key {
        name: "device-listen",
        default: "127.0.0.1:8444",
        takes: Address(|config, value| config.device_listen = value),
    },
    Key { name: "graph-url", default: "", takes: PublicUrl(|config, value| config.graph_url = Some(value)) },
    Key { name: "device-url", default: "", takes: PublicUrl(|config, value| config.device_url = Some(value)) },
    Key { name: "tls-certificate", default: "", takes: Path(|config, value| config.tls_certificate = Some(value)) },
    Key { name: "tls-key", default: "", takes: Path(|config, value| config.tls_key = Some(value)) },
    Key { name: "certificate-names", default: "", takes: Names(|config, value| config.certificate_names = value) },
    Key {
        name: "store-readers",
        default: "0",
        takes: Count(Bounds(0, 256), |config, value| config.store_readers = value),
    },
    Key {
        name: "chain-interval-ms",
        default: "500",
        takes: Milliseconds(Bounds(1, 60_000), |config, value| config.chain_interval = value),
    },
    Key {
        name: "shutdown-grace-s",
        default: "10",
        takes: Seconds(Bounds(0, HOUR), |config, value| config.shutdown_grace = value),
    },
    Key {
        name: "expiry-grace-s",
        default: "86400",
        takes: Seconds(Bounds(0, 366 * DAY), |config, value| config.expiry_grace = value),
    },
    Key {
        name: "limit-writes-by-application",
        default: "200",
        takes: Count(LIMIT, |config, value| config.ceilings.writes_by_application = value),
    },
    Key {
        name: "limit-writes-by-tenant",
        default: "400",
        takes: Count(LIMIT, |config, value| config.ceilings.writes_by_tenant = value),
    },
    Key {
        name: "limit-requests-by-application",
        default: "2000",
        takes: Count(LIMIT, |config, value| config.ceilings.requests_by_application = value),
    },
    Key {
        name: "limit-requests-by-tenant",
        default: "4000",
        takes: Count(LIMIT, |config, value| config.ceilings.requests_by_tenant = value),
    },
    Key {
        name: "limit-requests-by-application-everywhere",
        default: "130000",
        takes: Count(LIMIT, |config, value| config.ceilings.requests_by_application_everywhere = value),
    },
    Key {
        name: "limit-recoveries-by-caller",
        default: "30",
        takes: Count(LIMIT, |config, value| config.ceilings.recoveries_by_caller = value),
    },
    Key {
        name: "limit-tokens-by-application",
        default: "1000",
        takes: Count(LIMIT, |config, value| config.token_ceilings.by_application = value),
    },
    Key {
        name: "limit-tokens-by-tenant",
        default: "2000",
        takes: Count(LIMIT, |config, value| config.token_ceilings.by_tenant = value),
    },
    Key {
        name: "limit-device-codes-by-address",
        default: "100",
        takes: Count(LIMIT, |config, value| config.token_ceilings.device_codes_by_address = value),
    },
    Key {
        name: "limit-failures-by-address",
        default: "20",
        takes: Count(LIMIT, |config, value| config.token_ceilings.failures_by_address = value),
    },
    Key { name: "limit-connections", default: "0", takes: Count(LIMIT, |config, value| config.connections = value) },
    Key {
        name: "limit-connections-by-address",
        default: "256",
        takes: Count(LIMIT, |config, value| config.connections_by_address = value),
    },
    Key {
        name: "head-timeout-s",
        default: "10",
        takes: Seconds(Bounds(1, HOUR), |config, value| config.times.head = value),
    },
    Key {
        name: "idle-timeout-s",
        default: "100",
        takes: Seconds(Bounds(1, DAY), |config, value| config.times.idle = value),
    },
    Key { name: "trusted-proxies", default: "", takes: Proxies(|config, value| config.trusted_proxies = value) },
    Key {
        name: "client-certificate-header",
        default: "",
        takes: Header(|config, value| config.client_certificate_header = Some(value)),
    },
    Key { name: "alert-url", default: "", takes: PrivateUrl(|config, value| config.alert_url = Some(value)) },
    Key { name: "checkpoint-file", default: "", takes: Path(|config, value| config.checkpoint_file = Some(value)) },
    Key { name: "checkpoint-syslog", default: "", takes: Path(|config, value| config.checkpoint_syslog = Some(value)) },
    Key { name: "checkpoint-url", default: "", takes: PrivateUrl(|config, value| config.checkpoint_url = Some(value)) },
    Key { name: "log", default: "info", takes: Filter(|config, value| config.log = value) },
];
