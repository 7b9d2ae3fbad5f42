//! From a message to bytes, in the element order of the DTD and the namespace style that Windows accepts.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{
    Alert, Command, Container, Credential, Element, Format, Header, Item, METINF, Message, NAMESPACE, Results, Scheme,
    Status,
};
use crate::Secret;
use crate::xml::escape;

/// Writes one message. The buffer is wiped when dropped: a device's message can hold a passcode.
pub fn encode(message: &Message) -> Secret {
    let mut text = opening(&message.header);
    for element in &message.body {
        append(&mut text, element);
    }
    text.push_str(closing(message.is_final));
    text
}

/// The beginning of a message, up to its elements.
pub(crate) fn opening(header: &Header) -> Secret {
    let mut text = Secret::with_capacity(2048);
    let mut writer = Writer(&mut text);
    for part in ["<SyncML xmlns=\"", NAMESPACE, "\">"] {
        writer.raw(part);
    }
    writer.header(header);
    writer.raw("<SyncBody>");
    text
}

/// Appends an element to a message.
pub(crate) fn append(text: &mut Secret, element: &Element) {
    Writer(text).element(element);
}

/// The end of a message, after its elements.
pub(crate) fn closing(is_final: bool) -> &'static str {
    if is_final { "<Final/></SyncBody></SyncML>" } else { "</SyncBody></SyncML>" }
}

struct Writer<'t>(&'t mut Secret);

impl Writer<'_> {
    fn raw(&mut self, markup: &str) {
        self.0.push_str(markup);
    }

    fn text(&mut self, text: &str) {
        match escape(text) {
            Cow::Borrowed(text) => self.raw(text),
            Cow::Owned(escaped) => self.raw(&Secret::new(escaped)),
        }
    }

    fn leaf(&mut self, name: &str, text: &str) {
        self.inside(name, |w| w.text(text));
    }

    fn meta_leaf(&mut self, name: &str, text: &str) {
        for part in ["<", name, " xmlns=\"", METINF, "\">"] {
            self.raw(part);
        }
        self.text(text);
        self.end(name);
    }

    fn inside(&mut self, name: &str, write: impl FnOnce(&mut Self)) {
        for part in ["<", name, ">"] {
            self.raw(part);
        }
        write(self);
        self.end(name);
    }

    fn end(&mut self, name: &str) {
        for part in ["</", name, ">"] {
            self.raw(part);
        }
    }

    fn header(&mut self, header: &Header) {
        self.inside("SyncHdr", |w| {
            w.leaf("VerDTD", "1.2");
            w.leaf("VerProto", "DM/1.2");
            w.leaf("SessionID", &header.session);
            w.leaf("MsgID", &header.message);
            w.inside("Target", |w| w.leaf("LocURI", &header.target));
            w.inside("Source", |w| {
                w.leaf("LocURI", &header.source);
                if let Some(name) = &header.source_name {
                    w.leaf("LocName", name);
                }
            });
            if let Some(credential) = &header.credential {
                w.credential(credential);
            }
            if let Some(bytes) = header.max_message {
                w.inside("Meta", |w| w.meta_leaf("MaxMsgSize", &bytes.to_string()));
            }
        });
    }

    fn credential(&mut self, credential: &Credential) {
        self.inside("Cred", |w| {
            w.inside("Meta", |w| {
                w.meta_leaf("Format", "b64");
                w.meta_leaf("Type", credential.scheme.name());
            });
            w.leaf("Data", &credential.data);
        });
    }

    fn element(&mut self, element: &Element) {
        match element {
            Element::Status(status) => self.status(status),
            Element::Results(results) => self.results(results),
            Element::Alert(alert) => self.alert(alert),
            Element::Command(command) => self.command(command),
            Element::Container(container) => self.container(container),
            // Only messages that were read hold unknown elements.
            Element::Unknown { .. } => {}
        }
    }

    fn status(&mut self, status: &Status) {
        self.inside("Status", |w| {
            w.leaf("CmdID", &status.id);
            w.leaf("MsgRef", &status.message_ref);
            w.leaf("CmdRef", &status.command_ref);
            w.leaf("Cmd", &status.command);
            if let Some(target) = &status.target_ref {
                w.leaf("TargetRef", target);
            }
            if let Some(challenge) = &status.challenge {
                w.inside("Chal", |w| {
                    w.inside("Meta", |w| {
                        w.meta_leaf("Format", "b64");
                        w.meta_leaf("Type", Scheme::Md5.name());
                        w.meta_leaf("NextNonce", &STANDARD.encode(&challenge.nonce));
                    });
                });
            }
            w.leaf("Data", &status.code.to_string());
        });
    }

    fn results(&mut self, results: &Results) {
        self.inside("Results", |w| {
            w.leaf("CmdID", &results.id);
            w.leaf("MsgRef", &results.message_ref);
            w.leaf("CmdRef", &results.command_ref);
            if let Some(node) = &results.node_ref {
                w.leaf("SourceRef", node);
            }
            w.items(&results.items);
        });
    }

    fn alert(&mut self, alert: &Alert) {
        self.inside("Alert", |w| {
            w.leaf("CmdID", &alert.id);
            w.leaf("Data", &alert.code.to_string());
            w.items(&alert.items);
        });
    }

    fn command(&mut self, command: &Command) {
        self.inside(command.verb.name(), |w| {
            w.leaf("CmdID", &command.id);
            w.items(&command.items);
        });
    }

    fn container(&mut self, container: &Container) {
        self.inside(container.kind.name(), |w| {
            w.leaf("CmdID", &container.id);
            for command in &container.commands {
                w.command(command);
            }
        });
    }

    fn items(&mut self, items: &[Item]) {
        for item in items {
            self.inside("Item", |w| w.item(item));
        }
    }

    fn item(&mut self, item: &Item) {
        for (name, location) in [("Target", &item.target), ("Source", &item.source)] {
            if let Some(location) = location {
                self.inside(name, |w| w.leaf("LocURI", location));
            }
        }
        let size = item.size.map(|size| size.to_string());
        if item.format.is_some() || item.kind.is_some() || size.is_some() {
            self.inside("Meta", |w| {
                let format = item.format.as_ref().map(Format::name);
                for (name, text) in [("Format", format), ("Type", item.kind.as_deref()), ("Size", size.as_deref())] {
                    if let Some(text) = text {
                        w.meta_leaf(name, text);
                    }
                }
            });
        }
        if let Some(data) = &item.data {
            self.leaf("Data", data);
        }
        if item.more_data {
            self.raw("<MoreData/>");
        }
    }
}
