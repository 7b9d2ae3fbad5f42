//! The agent as a program.

mod children;
mod doctor;
mod language;
mod package;
