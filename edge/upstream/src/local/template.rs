//! The chat template that the GGUF file carries, rendered as its authors' library does.
//!
//! A template is code from outside: it runs without access to anything, on bounded fuel. What a message says can never become a
//! control token: a guard character is set behind each of its characters with which a control token begins, and taken out again once
//! the control tokens have been read.

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Error, ErrorKind, Value, context};

use super::gguf::Gguf;
use super::limits;
use super::tokens::{Control, Rendered, Tokens};
use super::{LocalError, Message, Role};

const NAME: &str = "chat template";
/// Stands for an answer when the template is asked what follows one.
const ANSWER: &str = "an answer";

pub(super) struct Template {
    environment: Environment<'static>,
    source: String,
    /// Spelled out, for templates that write them themselves.
    begin: String,
    end: String,
}

/// Whether the template should open the answer.
#[derive(Clone, Copy)]
enum Then {
    Answer,
    Nothing,
}

// === impl Template ===

impl Template {
    pub(super) fn read(gguf: &Gguf, tokens: &Tokens) -> Result<Template, LocalError> {
        let source = gguf.text("tokenizer.chat_template").ok_or_else(|| gguf.unsupported("it carries no chat template"))?.to_owned();
        let wrong = |error: Error| gguf.unsupported(format!("its chat template: {error}"));
        let mut environment = Environment::new();
        environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build().map_err(wrong)?);
        environment.set_fuel(Some(limits::TEMPLATE_FUEL));
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_function("raise_exception", raise_exception);
        environment.add_template_owned(NAME, source.clone()).map_err(wrong)?;
        let spelled = |token: Option<u32>| token.and_then(|token| tokens.control().text(token)).unwrap_or_default().to_owned();
        Ok(Template { environment, source, begin: spelled(tokens.begin()), end: spelled(tokens.end()) })
    }

    /// The chat as the model was taught to read it, up to where its answer begins.
    pub(super) fn render(&self, messages: &[Message], control: &Control) -> Result<Rendered, LocalError> {
        let guard = self.guard(messages)?;
        let guarded: Vec<Message> = messages.iter().map(|message| message.guarded(control, guard)).collect();
        let text = self.run(guarded, Then::Answer).map_err(|error| LocalError::field("messages", refusal(&error)))?;
        Ok(Rendered { text, guard })
    }

    /// The control token that the template writes after an answer: the model does so too.
    pub(super) fn end_of_answer(&self, gguf: &Gguf, control: &Control) -> Result<Option<u32>, LocalError> {
        let message = |role, content: &str| Message { role, content: content.to_owned() };
        let chat = vec![message(Role::User, "a question"), message(Role::Assistant, ANSWER)];
        let text = self.run(chat, Then::Nothing).map_err(|error| gguf.unsupported(format!("its chat template: {error}")))?;
        Ok(text.rsplit_once(ANSWER).and_then(|(_, after)| control.first_in(after)))
    }

    fn run(&self, messages: Vec<Message>, then: Then) -> Result<String, Error> {
        let messages: Value =
            messages.into_iter().map(|message| context! { role => message.role.name(), content => message.content }).collect();
        let chat = context! {
            messages,
            add_generation_prompt => matches!(then, Then::Answer),
            bos_token => self.begin.as_str(),
            eos_token => self.end.as_str(),
        };
        self.environment.get_template(NAME)?.render(chat)
    }

    /// A character of private use that occurs nowhere in the chat.
    fn guard(&self, messages: &[Message]) -> Result<char, LocalError> {
        let used = |guard: char| self.source.contains(guard) || messages.iter().any(|message| message.content.contains(guard));
        let guard = ('\u{E000}'..='\u{F8FF}').find(|guard| !used(*guard));
        guard.ok_or_else(|| LocalError::field("messages", "use every character of private use"))
    }
}

// === impl Message ===

impl Message {
    fn guarded(&self, control: &Control, guard: char) -> Message {
        let mut content = String::with_capacity(self.content.len());
        for character in self.content.chars() {
            content.push(character);
            if control.begins_with(character) {
                content.push(guard);
            }
        }
        Message { role: self.role, content }
    }
}

// === impl Role ===

impl Role {
    fn name(self) -> &'static str {
        match self {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
        }
    }
}

/// How templates refuse a chat, such as one whose roles do not take turns.
fn raise_exception(text: String) -> Result<Value, Error> {
    Err(Error::new(ErrorKind::InvalidOperation, text))
}

fn refusal(error: &Error) -> String {
    format!("do not fit the model's chat template: {}", error.detail().unwrap_or("it cannot be rendered").to_lowercase())
}
