//! From text to tokens to a tree of tests. Knows the grammar; knows no schema.

use super::Fault;

/// An expression. Positions (`at`) are characters, 1-based.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expression {
    Or(Vec<Expression>),
    And(Vec<Expression>),
    Not(Box<Expression>),
    Test(Test),
}

/// One test of one name.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Test {
    pub name: String,
    pub at: usize,
    pub check: Check,
}

/// What is asked of the name's value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Check {
    IsTrue,
    IsMissing,
    Compare(Comparison, Literal),
    In(Vec<Literal>),
}

/// The comparisons; unequal is the negation of equal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::action) enum Comparison {
    Below,
    AtMost,
    Above,
    AtLeast,
    Equal,
}

/// A value written in the expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Literal {
    pub value: LiteralValue,
    pub at: usize,
}

/// What is written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum LiteralValue {
    Number(f64),
    Text(String),
    Flag(bool),
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Number(f64),
    Text(String),
    Sign(&'static str),
}

impl Token {
    fn shown(&self) -> String {
        match self {
            Token::Word(word) => word.clone(),
            Token::Number(number) => number.to_string(),
            Token::Text(text) => format!("\"{text}\""),
            Token::Sign(sign) => (*sign).to_owned(),
        }
    }
}

/// Parses a whole expression.
pub(super) fn parse(text: &str) -> Result<Expression, Fault> {
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens: &tokens, next: 0, end: text.chars().count() + 1, depth: 0 };
    let expression = parser.either()?;
    match parser.tokens.get(parser.next) {
        None => Ok(expression),
        Some((at, token)) => Err(Fault::new(*at, format!("`{}` is not expected here", token.shown()))),
    }
}

const SIGNS: [&str; 13] = ["<=", ">=", "==", "!=", "<", ">", "=", "(", ")", "[", "]", ",", "%"];

fn tokens(text: &str) -> Result<Vec<(usize, Token)>, Fault> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return Ok(tokens);
        }
        let at = text[..text.len() - rest.len()].chars().count() + 1;
        let (token, length) = token(rest, at)?;
        tokens.push((at, token));
        rest = &rest[length..];
    }
}

/// The token that `rest` begins with, and its length in bytes.
fn token(rest: &str, at: usize) -> Result<(Token, usize), Fault> {
    let first = rest.chars().next().unwrap_or(' ');
    if first == '"' || first == '\'' {
        return quoted(rest, first, at);
    }
    if first.is_ascii_digit() || first == '-' || first == '.' {
        return number(rest, at);
    }
    if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
        return Ok((Token::Sign(sign), sign.len()));
    }
    let length = rest.find(|c: char| !is_name(c)).unwrap_or(rest.len());
    if length == 0 {
        return Err(Fault::new(at, format!("`{first}` is not understood")));
    }
    Ok((Token::Word(rest[..length].to_owned()), length))
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '.'
}

fn quoted(rest: &str, quote: char, at: usize) -> Result<(Token, usize), Fault> {
    match rest[1..].find(quote) {
        Some(length) => Ok((Token::Text(rest[1..=length].to_owned()), length + 2)),
        None => Err(Fault::new(at, format!("the text that begins here has no closing {quote}"))),
    }
}

fn number(rest: &str, at: usize) -> Result<(Token, usize), Fault> {
    let digit = |c: char| c.is_ascii_digit() || c == '.' || c == '_' || c == '-';
    let length = rest.find(|c| !digit(c)).unwrap_or(rest.len());
    let written = &rest[..length];
    match written.replace('_', "").parse::<f64>() {
        Ok(number) => Ok((Token::Number(number), length)),
        Err(_) => Err(Fault::new(at, format!("`{written}` is not a number"))),
    }
}

/// Deeper nesting than this is refused, so that no text can exhaust the stack.
const MAX_DEPTH: usize = 50;

struct Parser<'a> {
    tokens: &'a [(usize, Token)],
    next: usize,
    end: usize,
    depth: usize,
}

impl Parser<'_> {
    fn at(&self) -> usize {
        self.tokens.get(self.next).map_or(self.end, |(at, _)| *at)
    }

    fn expected(&self, what: &str) -> Fault {
        match self.tokens.get(self.next) {
            None => Fault::new(self.end, format!("{what} expected, found the end")),
            Some((at, token)) => Fault::new(*at, format!("{what} expected, found `{}`", token.shown())),
        }
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = matches!(self.tokens.get(self.next), Some((_, Token::Word(other))) if other == word);
        self.next += usize::from(found);
        found
    }

    fn take_sign(&mut self, sign: &str) -> bool {
        let found = matches!(self.tokens.get(self.next), Some((_, Token::Sign(other))) if *other == sign);
        self.next += usize::from(found);
        found
    }

    fn either(&mut self) -> Result<Expression, Fault> {
        let mut parts = vec![self.both()?];
        while self.take_word("or") {
            parts.push(self.both()?);
        }
        Ok(one_or(parts, Expression::Or))
    }

    fn both(&mut self) -> Result<Expression, Fault> {
        let mut parts = vec![self.unary()?];
        while self.take_word("and") {
            parts.push(self.unary()?);
        }
        Ok(one_or(parts, Expression::And))
    }

    fn unary(&mut self) -> Result<Expression, Fault> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Fault::new(self.at(), format!("nested deeper than {MAX_DEPTH}")));
        }
        let expression = if self.take_word("not") {
            Expression::Not(Box::new(self.unary()?))
        } else if self.take_sign("(") {
            self.grouped()?
        } else {
            self.test()?
        };
        self.depth -= 1;
        Ok(expression)
    }

    fn grouped(&mut self) -> Result<Expression, Fault> {
        let inner = self.either()?;
        if self.take_sign(")") { Ok(inner) } else { Err(self.expected("`)`")) }
    }

    fn test(&mut self) -> Result<Expression, Fault> {
        let at = self.at();
        let name = self.name()?;
        let (negated, check) = self.check()?;
        let test = Expression::Test(Test { name, at, check });
        Ok(if negated { Expression::Not(Box::new(test)) } else { test })
    }

    fn name(&mut self) -> Result<String, Fault> {
        let reserved = ["and", "or", "not", "in", "is", "missing", "true", "false"];
        match self.tokens.get(self.next) {
            Some((_, Token::Word(name))) if !reserved.contains(&name.as_str()) => {
                self.next += 1;
                Ok(name.clone())
            }
            _ => Err(self.expected("a name")),
        }
    }

    /// What follows the name, and whether it is negated.
    fn check(&mut self) -> Result<(bool, Check), Fault> {
        if self.take_word("is") {
            let negated = self.take_word("not");
            let missing = self.take_word("missing");
            return if missing { Ok((negated, Check::IsMissing)) } else { Err(self.expected("`missing`")) };
        }
        if self.take_word("not") {
            let list = self.take_word("in");
            return if list { Ok((true, self.list()?)) } else { Err(self.expected("`in`")) };
        }
        if self.take_word("in") {
            return Ok((false, self.list()?));
        }
        match self.comparison() {
            Some((negated, comparison)) => Ok((negated, Check::Compare(comparison, self.literal()?))),
            None => Ok((false, Check::IsTrue)),
        }
    }

    fn comparison(&mut self) -> Option<(bool, Comparison)> {
        let Some((_, Token::Sign(sign))) = self.tokens.get(self.next) else { return None };
        let found = match *sign {
            "<" => (false, Comparison::Below),
            "<=" => (false, Comparison::AtMost),
            ">" => (false, Comparison::Above),
            ">=" => (false, Comparison::AtLeast),
            "=" | "==" => (false, Comparison::Equal),
            "!=" => (true, Comparison::Equal),
            _ => return None,
        };
        self.next += 1;
        Some(found)
    }

    fn list(&mut self) -> Result<Check, Fault> {
        if !self.take_sign("[") {
            return Err(self.expected("`[`"));
        }
        let mut literals = vec![self.literal()?];
        while self.take_sign(",") {
            literals.push(self.literal()?);
        }
        if self.take_sign("]") { Ok(Check::In(literals)) } else { Err(self.expected("`,` or `]`")) }
    }

    fn literal(&mut self) -> Result<Literal, Fault> {
        let value = match self.tokens.get(self.next) {
            Some((_, Token::Number(number))) => LiteralValue::Number(*number),
            Some((_, Token::Text(text))) => LiteralValue::Text(text.clone()),
            Some((_, Token::Word(word))) if word == "true" => LiteralValue::Flag(true),
            Some((_, Token::Word(word))) if word == "false" => LiteralValue::Flag(false),
            _ => return Err(self.expected("a number, a text in quotes, true or false")),
        };
        let at = self.at();
        self.next += 1;
        Ok(Literal { value: self.in_per_cent(value), at })
    }

    fn in_per_cent(&mut self, value: LiteralValue) -> LiteralValue {
        match value {
            LiteralValue::Number(number) if self.take_sign("%") => LiteralValue::Number(number / 100.0),
            other => other,
        }
    }
}

fn one_or(mut parts: Vec<Expression>, many: fn(Vec<Expression>) -> Expression) -> Expression {
    if parts.len() == 1 { parts.remove(0) } else { many(parts) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> String {
        let fault = parse(text).unwrap_err();
        format!("{}: {}", fault.at, fault.problem)
    }

    #[test]
    fn or_binds_weaker_than_and() {
        let tree = parse("a and b or not c").unwrap();
        let Expression::Or(parts) = tree else { panic!("{tree:?}") };
        assert!(matches!(&parts[0], Expression::And(both) if both.len() == 2));
        assert!(matches!(&parts[1], Expression::Not(_)));
        assert!(matches!(parse("a and (b or c)").unwrap(), Expression::And(_)));
    }

    #[test]
    fn literals_are_read() {
        let literal = |text: &str| match parse(text).unwrap() {
            Expression::Test(Test { check: Check::Compare(_, literal), .. }) => literal.value,
            other => panic!("{other:?}"),
        };
        assert_eq!(literal("a < 50 %"), LiteralValue::Number(0.5));
        assert_eq!(literal("a<-1_000.5"), LiteralValue::Number(-1000.5));
        assert_eq!(literal("a == 'Größe M'"), LiteralValue::Text("Größe M".into()));
        assert_eq!(literal("a = true"), LiteralValue::Flag(true));
    }

    #[test]
    fn negations_wrap_the_test() {
        for text in ["a != 1", "a not in [1, 2]", "a is not missing", "not a"] {
            assert!(matches!(parse(text).unwrap(), Expression::Not(_)), "{text}");
        }
    }

    #[test]
    fn faults_name_place_and_expectation() {
        assert_eq!(fault(""), "1: a name expected, found the end");
        assert_eq!(fault("a <"), "4: a number, a text in quotes, true or false expected, found the end");
        assert_eq!(fault("a < 1 b"), "7: `b` is not expected here");
        assert_eq!(fault("(a or b"), "8: `)` expected, found the end");
        assert_eq!(fault("größe == \"x"), "10: the text that begins here has no closing \"");
        assert_eq!(fault("a < 1.2.3"), "5: `1.2.3` is not a number");
        assert_eq!(fault("a & b"), "3: `&` is not understood");
        assert_eq!(fault("a is 3"), "6: `missing` expected, found `3`");
        assert_eq!(fault("a in [1 2]"), "9: `,` or `]` expected, found `2`");
        assert_eq!(fault("a or and"), "6: a name expected, found `and`");
        assert!(fault(&"(".repeat(100_000)).ends_with("nested deeper than 50"));
        assert!(fault(&"not ".repeat(100_000)).ends_with("nested deeper than 50"));
    }
}
