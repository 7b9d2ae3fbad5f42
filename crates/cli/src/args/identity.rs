//! Verbs about who may call: applications, and people who sign in.

use std::path::PathBuf;

use chaveiro_core::id::ApplicationId;
use clap::{Args, Subcommand};
use uuid::Uuid;

#[derive(Debug, Subcommand)]
pub(crate) enum App {
    /// List them.
    #[command(after_help = "Example:\n  chaveiro app list")]
    List,
    /// Show one: its permissions, its secrets and certificates with their ends.
    #[command(after_help = "Example:\n  chaveiro app show 5f0c6a1e-…")]
    Show {
        /// Its client id.
        id: ApplicationId,
    },
    /// Register one; its secret is shown once.
    #[command(
        after_help = "Example:\n  chaveiro app register helpdesk --permission DeviceManagementManagedDevices.PrivilegedOperations.All"
    )]
    Register(Registration),
    /// Give it another secret, beside the one it has: then switch over, then remove the old one.
    #[command(after_help = "Example:\n  chaveiro app add-secret 5f0c6a1e-… --days 90")]
    AddSecret {
        /// Its client id.
        id: ApplicationId,
        /// Days until the secret ends.
        #[arg(long, default_value_t = 180, value_parser = clap::value_parser!(u32).range(1..=3650))]
        days: u32,
        /// Take the older secrets away.
        #[arg(long)]
        replace: bool,
        /// End every token that was given until now, because somebody else may have one.
        #[arg(long, requires = "replace")]
        revoke: bool,
    },
    /// Say anew what it may do. Say all of it: what is not named goes.
    #[command(
        after_help = "Example:\n  chaveiro app grant 5f0c6a1e-… --permission DeviceManagementManagedDevices.Read.All"
    )]
    Grant {
        /// Its client id.
        id: ApplicationId,
        /// An application permission, for what it does as itself; repeat for more.
        #[arg(long = "permission", value_name = "NAME", required_unless_present_any = ["delegated", "none"])]
        permissions: Vec<String>,
        /// A delegated permission, for what it does for people who sign in with it; repeat for more.
        #[arg(long, value_name = "NAME")]
        delegated: Vec<String>,
        /// Nothing at all: take every permission away.
        #[arg(long, conflicts_with_all = ["permissions", "delegated"])]
        none: bool,
    },
    /// Take a secret away from its application.
    #[command(after_help = "Example:\n  chaveiro app remove-secret 9b2e41d7-… --revoke")]
    RemoveSecret {
        /// The secret's id, as `chaveiro app show` prints it.
        secret: Uuid,
        /// End every token that was given until now, because somebody else may have one.
        #[arg(long)]
        revoke: bool,
    },
    /// Register the public certificate of a key that it signs assertions with.
    #[command(after_help = "Example:\n  chaveiro app add-certificate 5f0c6a1e-… helpdesk.pem")]
    AddCertificate {
        /// Its client id.
        id: ApplicationId,
        /// PEM file with the certificate, without its key.
        file: PathBuf,
    },
    /// Take a certificate away from an application.
    #[command(after_help = "Example:\n  chaveiro app remove-certificate 5f0c6a1e-… 3F2A…")]
    RemoveCertificate {
        /// Its client id.
        id: ApplicationId,
        /// The certificate's thumbprint, SHA-1 or SHA-256.
        thumbprint: String,
        /// End every token that was given until now, because somebody else may have one.
        #[arg(long)]
        revoke: bool,
    },
    /// End every token that it has, those of people who signed in with it included. It may fetch new ones.
    #[command(after_help = "Example:\n  chaveiro app revoke 5f0c6a1e-…")]
    Revoke {
        /// Its client id, as its tokens have it; also of an application of another issuer.
        id: String,
    },
    /// Remove it, and end every token that it has.
    #[command(after_help = "Example:\n  chaveiro app delete 5f0c6a1e-…")]
    Delete {
        /// Its client id.
        id: ApplicationId,
    },
}

/// What `app register` registers.
#[derive(Debug, Args)]
pub(crate) struct Registration {
    /// Its name.
    pub(crate) name: String,
    /// An application permission, for what it does as itself; repeat for more.
    #[arg(long = "permission", value_name = "NAME", required_unless_present = "delegated")]
    pub(crate) permissions: Vec<String>,
    /// A delegated permission, for what it does for people who sign in with it; repeat for more.
    #[arg(long, value_name = "NAME")]
    pub(crate) delegated: Vec<String>,
    /// It runs on people's machines and can keep no secret.
    #[arg(long, conflicts_with = "permissions")]
    pub(crate) public: bool,
    /// Days until its secret ends.
    #[arg(long, value_name = "DAYS", default_value_t = 180, value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub(crate) secret_days: u32,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SignIn {
    /// List who waits for an operator and who is signed in.
    #[command(after_help = "Example:\n  chaveiro sign-in list")]
    List,
    /// Vouch for the person who shows this code. Be sure who she is, and that she began it herself.
    #[command(after_help = "Example:\n  chaveiro sign-in approve WDJB-MJHT --user ana@contoso.example")]
    Approve {
        /// The code.
        code: String,
        /// Who she is: principal name or id of a user of the tenant.
        #[arg(long)]
        user: String,
    },
    /// Say no to a code.
    #[command(after_help = "Example:\n  chaveiro sign-in deny WDJB-MJHT")]
    Deny {
        /// The code.
        code: String,
    },
    /// End every sign-in and every access token of a person, at once.
    #[command(after_help = "Example:\n  chaveiro sign-in revoke --user ana@contoso.example")]
    Revoke {
        /// Whose: principal name or id of a user, or the object id (oid) of somebody whom another issuer alone knows.
        #[arg(long, required_unless_present = "external")]
        user: Option<String>,
        /// The same for somebody who is no user here, as tokens of another issuer name her: oid, sub or principal name.
        #[arg(long, value_name = "NAME", conflicts_with = "user", value_parser = clap::builder::NonEmptyStringValueParser::new())]
        external: Option<String>,
    },
}

/// Flags of `login`.
#[derive(Debug, Args)]
pub(crate) struct Login {
    /// The server's address for Graph clients.
    #[arg(long, value_name = "URL")]
    pub(crate) server: String,
    /// PEM file with the root that signed its certificate, when this machine does not trust it anyway.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
}
