//! Verbs about who may call: applications, and people who sign in.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use uuid::Uuid;

use super::id;

#[derive(Debug, Subcommand)]
pub(crate) enum App {
    #[command(after_help = "Example:\n  chaveiro app list")]
    List,
    #[command(after_help = "Example:\n  chaveiro app show helpdesk")]
    Show {
        #[arg(value_name = "APP")]
        id: String,
    },
    #[command(
        after_help = "Example:\n  chaveiro app register helpdesk --permission DeviceManagementManagedDevices.PrivilegedOperations.All"
    )]
    Register(Registration),
    #[command(after_help = "Example:\n  chaveiro app add-secret helpdesk --days 90")]
    AddSecret {
        #[arg(value_name = "APP")]
        id: String,
        #[arg(long, default_value_t = 180, value_parser = clap::value_parser!(u32).range(1..=3650))]
        days: u32,
        #[arg(long)]
        replace: bool,
        #[arg(long, requires = "replace")]
        revoke: bool,
    },
    #[command(
        after_help = "Example:\n  chaveiro app grant helpdesk --permission DeviceManagementManagedDevices.Read.All",
        group(clap::ArgGroup::new("granted").required(true).multiple(true).args(["permissions", "delegated", "none"]))
    )]
    Grant {
        #[arg(value_name = "APP")]
        id: String,
        #[arg(long = "permission", value_name = "NAME")]
        permissions: Vec<String>,
        #[arg(long, value_name = "NAME")]
        delegated: Vec<String>,
        #[arg(long, conflicts_with_all = ["permissions", "delegated"])]
        none: bool,
    },
    #[command(after_help = "Example:\n  chaveiro app remove-secret 9b2e41d7-… --revoke")]
    RemoveSecret {
        #[arg(value_parser = id::<Uuid>)]
        secret: Uuid,
        #[arg(long)]
        revoke: bool,
    },
    #[command(after_help = "Example:\n  chaveiro app add-certificate helpdesk helpdesk.pem")]
    AddCertificate {
        #[arg(value_name = "APP")]
        id: String,
        file: PathBuf,
    },
    #[command(after_help = "Example:\n  chaveiro app remove-certificate helpdesk 3F2A…")]
    RemoveCertificate {
        #[arg(value_name = "APP")]
        id: String,
        thumbprint: String,
        #[arg(long)]
        revoke: bool,
    },
    #[command(after_help = "Example:\n  chaveiro app revoke helpdesk")]
    Revoke {
        #[arg(value_name = "APP")]
        id: String,
    },
    #[command(after_help = "Example:\n  chaveiro app delete helpdesk")]
    Delete {
        #[arg(value_name = "APP")]
        id: String,
    },
}

/// The application that `app register` registers.
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("registered").required(true).multiple(true).args(["permissions", "delegated"])))]
pub(crate) struct Registration {
    pub(crate) name: String,
    #[arg(long = "permission", value_name = "NAME")]
    pub(crate) permissions: Vec<String>,
    #[arg(long, value_name = "NAME")]
    pub(crate) delegated: Vec<String>,
    #[arg(long, conflicts_with = "permissions")]
    pub(crate) public: bool,
    #[arg(long, value_name = "DAYS", default_value_t = 180, value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub(crate) secret_days: u32,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SignIn {
    #[command(after_help = "Example:\n  chaveiro sign-in list")]
    List,
    #[command(after_help = "Example:\n  chaveiro sign-in approve WDJB-MJHT --user ana@contoso.example")]
    Approve {
        code: String,
        #[arg(long)]
        user: String,
    },
    #[command(after_help = "Example:\n  chaveiro sign-in deny WDJB-MJHT")]
    Deny { code: String },
    #[command(after_help = "Example:\n  chaveiro sign-in revoke --user ana@contoso.example")]
    Revoke {
        #[arg(long, required_unless_present = "external")]
        user: Option<String>,
        #[arg(long, value_name = "NAME", conflicts_with = "user", value_parser = clap::builder::NonEmptyStringValueParser::new())]
        external: Option<String>,
    },
}
