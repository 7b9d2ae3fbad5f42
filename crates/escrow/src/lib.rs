//! Seals recovered passcodes to the recipients of a tenant and opens them for disclosure.
