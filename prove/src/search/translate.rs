//! Cedar into gates. A fact of one value has a condition for each value that it can have, of which exactly one holds; a set has one for each
//! possible member; a number or name that is computed is a table of values with their conditions.

use std::collections::BTreeMap;

use batsat::Lit;
use cedar_policy::pst::{BinaryOp, Expr, Literal, PatternElem, UnaryOp, Var};
use comity_terms::attribute_path;

use super::{Circuit, FactValue, Model};
use crate::facts::{self, Sort};
use crate::failure::GaveUp;
use crate::limits::VALUES_MAX;
use crate::scope::{NOBODY, OTHER, Scope};

/// A value that is not made of others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Atom {
    Number(i64),
    Text(String),
    /// Type and id.
    Entity(String, String),
}

/// Each value with the condition under which it is the one; exactly one holds.
pub(crate) type Table = BTreeMap<Atom, Lit>;

/// The value of an expression.
enum Value {
    Boolean(Lit),
    Single(Table),
    /// Each possible member with the condition under which it is one.
    Set(Table),
}

/// The facts of a question as variables.
pub(crate) struct Translation<'s> {
    pub(crate) circuit: Circuit,
    scope: &'s Scope,
    flags: BTreeMap<String, Lit>,
    single: BTreeMap<String, Table>,
    sets: BTreeMap<String, Table>,
    units: BTreeMap<String, Lit>,
    /// The condition under which what is translated now is evaluated at all.
    path: Lit,
    /// Conditions under which evaluation fails.
    failures: Vec<Lit>,
}

/// The workload's own name, and the only attribute of its units.
const PRINCIPAL: &str = "principal";
const SECTOR: &str = "sector";

// === impl Translation ===

impl<'s> Translation<'s> {
    pub(crate) fn new(scope: &'s Scope, offerings: &[&str], calls: &[&str]) -> Self {
        let circuit = Circuit::new();
        let path = circuit.yes();
        let (flags, single, sets, units) = Default::default();
        let mut made = Self { circuit, scope, flags, single, sets, units, path, failures: Vec::new() };
        for slot in offerings {
            scope.offering_facts().for_each(|(fact, sort)| made.declare(format!("context.{slot}.{fact}"), sort));
        }
        for slot in calls {
            scope.call_facts().for_each(|(fact, sort)| made.declare(format!("context.{slot}.{fact}"), sort));
        }
        for (fact, sort) in facts::OF_WORKLOAD {
            made.declare(format!("{PRINCIPAL}.{fact}"), sort);
        }
        made.declare(SECTOR.to_owned(), Sort::Text);
        let workloads =
            scope.workloads.iter().map(String::as_str).chain([NOBODY]).map(|id| Atom::Entity("Workload".to_owned(), id.to_owned()));
        let who = made.one_of(workloads.collect());
        made.single.insert(PRINCIPAL.to_owned(), who);
        for unit in &scope.units {
            let within = made.circuit.fresh();
            made.units.insert(unit.clone(), within);
        }
        made
    }

    fn declare(&mut self, path: String, sort: Sort) {
        let named = |kind: &str, ids: Vec<String>| ids.into_iter().map(|id| Atom::Entity(kind.to_owned(), id)).collect::<Vec<_>>();
        let words = |list: &std::collections::BTreeSet<String>| list.iter().cloned().map(Atom::Text).collect::<Vec<_>>();
        let codes = || named("Jurisdiction", self.scope.codes.iter().map(ToString::to_string).collect());
        match sort {
            Sort::Flag => {
                let flag = self.circuit.fresh();
                self.flags.insert(path, flag);
            }
            Sort::Number(top) => {
                let table = self.one_of((0..=i64::from(top)).map(Atom::Number).collect());
                self.single.insert(path, table);
            }
            Sort::Code => {
                let table = self.one_of(codes());
                self.single.insert(path, table);
            }
            Sort::Offering => {
                let other = [OTHER.to_owned()];
                let table = self.one_of(named("Offering", self.scope.offerings.iter().cloned().chain(other).collect()));
                self.single.insert(path, table);
            }
            Sort::Text => {
                let table = self.one_of(words(&self.scope.texts));
                self.single.insert(path, table);
            }
            Sort::Places | Sort::Codes => self.declare_set(path, codes()),
            Sort::Blocs => self.declare_set(path, named("Bloc", self.scope.blocs.keys().cloned().collect())),
            Sort::Certifications => self.declare_set(path, words(&self.scope.certifications)),
            Sort::Transfers => self.declare_set(path, words(&self.scope.transfers)),
            Sort::Words => self.declare_set(path, words(&self.scope.texts)),
        }
    }

    fn declare_set(&mut self, path: String, members: Vec<Atom>) {
        let table = members.into_iter().map(|member| (member, self.circuit.fresh())).collect();
        self.sets.insert(path, table);
    }

    fn one_of(&mut self, values: Vec<Atom>) -> Table {
        let table: Table = values.into_iter().map(|value| (value, self.circuit.fresh())).collect();
        let conditions: Vec<Lit> = table.values().copied().collect();
        self.circuit.require(&conditions);
        for (at, one) in conditions.iter().enumerate() {
            for other in conditions.iter().skip(at + 1) {
                self.circuit.require(&[!*one, !*other]);
            }
        }
        table
    }

    pub(crate) fn scope(&self) -> &'s Scope {
        self.scope
    }

    /// The condition under which a Boolean expression is true.
    pub(crate) fn boolean(&mut self, expr: &Expr) -> Result<Lit, GaveUp> {
        match self.value(expr)? {
            Value::Boolean(holds) => Ok(holds),
            Value::Single(_) | Value::Set(_) => Err(GaveUp::new(format!("`{expr}` is not a condition"))),
        }
    }

    /// The condition under which evaluating a Boolean expression fails.
    pub(crate) fn failure_of(&mut self, expr: &Expr) -> Result<Lit, GaveUp> {
        self.failures.clear();
        self.boolean(expr)?;
        let failures = std::mem::take(&mut self.failures);
        Ok(self.circuit.any(failures))
    }

    /// That a fact has this value.
    pub(crate) fn fact_is(&mut self, path: &str, value: &FactValue) -> Result<Lit, GaveUp> {
        let missing = || GaveUp::new(format!("`{path}` is not among the facts of this question"));
        match value {
            FactValue::Flag(flag) => self.flags.get(path).map(|holds| holds.apply_sign(*flag)).ok_or_else(missing),
            FactValue::Single(atom) => self.single.get(path).and_then(|table| table.get(atom)).copied().ok_or_else(missing),
            FactValue::Set(members) => {
                let table = self.sets.get(path).ok_or_else(missing)?;
                let parts: Vec<Lit> = table.iter().map(|(atom, holds)| holds.apply_sign(members.contains(atom))).collect();
                Ok(self.circuit.all(parts))
            }
        }
    }

    /// What the last search found.
    pub(crate) fn model(&self) -> Model {
        let holds = |lit: &Lit| self.circuit.value(*lit);
        let first = |table: &Table| table.iter().find(|(_, lit)| holds(lit)).map(|(atom, _)| atom.clone());
        let members = |table: &Table| table.iter().filter(|(_, lit)| holds(lit)).map(|(atom, _)| atom.clone()).collect();
        let mut flags: BTreeMap<String, bool> = self.flags.iter().map(|(path, lit)| (path.clone(), holds(lit))).collect();
        flags.extend(self.units.iter().map(|(unit, lit)| (format!("in {unit}"), holds(lit))));
        Model {
            flags,
            single: self.single.iter().filter_map(|(path, table)| Some((path.clone(), first(table)?))).collect(),
            sets: self.sets.iter().map(|(path, table)| (path.clone(), members(table))).collect(),
        }
    }

    // === expressions ===

    fn value(&mut self, expr: &Expr) -> Result<Value, GaveUp> {
        if let Some(fact) = self.fact(expr)? {
            return Ok(fact);
        }
        #[expect(clippy::wildcard_enum_match_arm, reason = "what is not named here is refused")]
        match expr {
            Expr::Literal(Literal::Bool(value)) => Ok(Value::Boolean(self.circuit.yes().apply_sign(*value))),
            Expr::Literal(Literal::Long(number)) => Ok(self.constant(Atom::Number(*number))),
            Expr::Literal(Literal::String(text)) => Ok(self.constant(Atom::Text(text.to_string()))),
            Expr::Literal(Literal::EntityUID(uid)) => Ok(self.constant(Atom::Entity(uid.ty.to_string(), uid.eid.to_string()))),
            Expr::UnaryOp { op, expr } => self.unary(*op, expr),
            Expr::BinaryOp { op, left, right } => self.binary(*op, left, right),
            Expr::Like { expr, pattern } => self.like(expr, pattern),
            Expr::IfThenElse { cond, then_expr, else_expr } => self.choice(cond, [then_expr, else_expr]),
            Expr::Set(members) => self.set(members.iter().map(|member| &**member)),
            other => Err(GaveUp::new(format!("`{other}` is of a kind that the search does not know"))),
        }
    }

    fn constant(&self, atom: Atom) -> Value {
        Value::Single(Table::from([(atom, self.circuit.yes())]))
    }

    fn fact(&mut self, expr: &Expr) -> Result<Option<Value>, GaveUp> {
        if let Expr::GetAttr { expr: of, attr } = expr
            && let Expr::Literal(Literal::EntityUID(uid)) = &**of
        {
            if uid.ty.to_string() != "Unit" || *attr != SECTOR {
                return Err(GaveUp::new(format!("`{expr}` is a fact of something that may not be there, which the search does not know")));
            }
            // A unit is there only for the workloads in it.
            let within = self.units.get(uid.eid.as_str()).copied().unwrap_or(!self.circuit.yes());
            let fails = self.circuit.all([self.path, !within]);
            self.failures.push(fails);
            // A workload's units are all of its sector.
            return Ok(self.single.get(SECTOR).cloned().map(Value::Single));
        }
        let Some(path) = attribute_path(expr) else { return Ok(None) };
        let known = || {
            let flag = self.flags.get(&path).map(|flag| Value::Boolean(*flag));
            let single = || self.single.get(&path).cloned().map(Value::Single);
            flag.or_else(single).or_else(|| self.sets.get(&path).cloned().map(Value::Set))
        };
        known().map(Some).ok_or_else(|| GaveUp::new(format!("`{path}` is compared as a whole, which the search does not know")))
    }

    fn single(&mut self, expr: &Expr) -> Result<Table, GaveUp> {
        match self.value(expr)? {
            Value::Single(table) if table.len() <= VALUES_MAX => Ok(table),
            Value::Single(_) => Err(GaveUp::new(format!("`{expr}` can have more than {VALUES_MAX} values"))),
            Value::Boolean(_) | Value::Set(_) => Err(GaveUp::new(format!("`{expr}` is not a single value"))),
        }
    }

    fn members(&mut self, expr: &Expr) -> Result<Table, GaveUp> {
        match self.value(expr)? {
            Value::Set(table) => Ok(table),
            Value::Boolean(_) | Value::Single(_) => Err(GaveUp::new(format!("`{expr}` is not a set"))),
        }
    }

    fn unary(&mut self, op: UnaryOp, expr: &Expr) -> Result<Value, GaveUp> {
        #[expect(clippy::wildcard_enum_match_arm, reason = "what is not named here is refused")]
        match op {
            UnaryOp::Not => Ok(Value::Boolean(!self.boolean(expr)?)),
            UnaryOp::IsEmpty => {
                let members = self.members(expr)?;
                Ok(Value::Boolean(self.circuit.all(members.values().map(|member| !*member))))
            }
            UnaryOp::Neg => {
                let table = self.single(expr)?;
                self.computed(table.into_iter().map(|(atom, holds)| (integer(&atom).and_then(i64::checked_neg), holds)).collect())
            }
            other => Err(GaveUp::new(format!("`{other}` is an operator that the search does not know"))),
        }
    }

    fn binary(&mut self, op: BinaryOp, left: &Expr, right: &Expr) -> Result<Value, GaveUp> {
        #[expect(clippy::wildcard_enum_match_arm, reason = "what is not named here is refused")]
        match op {
            BinaryOp::And => {
                let first = self.boolean(left)?;
                let second = self.under(first, right)?;
                Ok(Value::Boolean(self.circuit.all([first, second])))
            }
            BinaryOp::Or => {
                let first = self.boolean(left)?;
                let second = self.under(!first, right)?;
                Ok(Value::Boolean(self.circuit.any([first, second])))
            }
            BinaryOp::Eq => Ok(Value::Boolean(self.equal(left, right)?)),
            BinaryOp::NotEq => Ok(Value::Boolean(!self.equal(left, right)?)),
            BinaryOp::Less => self.order(left, right, |one, other| one < other),
            BinaryOp::LessEq => self.order(left, right, |one, other| one <= other),
            BinaryOp::Greater => self.order(left, right, |one, other| one > other),
            BinaryOp::GreaterEq => self.order(left, right, |one, other| one >= other),
            BinaryOp::Add => self.arithmetic(left, right, i64::checked_add),
            BinaryOp::Sub => self.arithmetic(left, right, i64::checked_sub),
            BinaryOp::Mul => self.arithmetic(left, right, i64::checked_mul),
            BinaryOp::In => self.within(left, right),
            BinaryOp::Contains => {
                let (set, member) = (self.members(left)?, self.single(right)?);
                Ok(Value::Boolean(self.meet(&set, &member)))
            }
            BinaryOp::ContainsAny => {
                let (one, other) = (self.members(left)?, self.members(right)?);
                Ok(Value::Boolean(self.meet(&one, &other)))
            }
            BinaryOp::ContainsAll => {
                let (large, small) = (self.members(left)?, self.members(right)?);
                Ok(Value::Boolean(self.includes(&large, &small)))
            }
            other => Err(GaveUp::new(format!("`{other}` is an operator that the search does not know"))),
        }
    }

    /// The second part of a conjunction or disjunction, which is evaluated under a condition alone.
    fn under(&mut self, condition: Lit, expr: &Expr) -> Result<Lit, GaveUp> {
        let before = self.path;
        self.path = self.circuit.all([before, condition]);
        let value = self.boolean(expr);
        self.path = before;
        value
    }

    /// Some value of both.
    fn meet(&mut self, one: &Table, other: &Table) -> Lit {
        let common: Vec<(Lit, Lit)> = one.iter().filter_map(|(atom, first)| Some((*first, *other.get(atom)?))).collect();
        let both: Vec<Lit> = common.into_iter().map(|(first, second)| self.circuit.all([first, second])).collect();
        self.circuit.any(both)
    }

    fn includes(&mut self, large: &Table, small: &Table) -> Lit {
        let no = !self.circuit.yes();
        let pairs: Vec<(Lit, Lit)> = small.iter().map(|(atom, inside)| (*inside, large.get(atom).copied().unwrap_or(no))).collect();
        let each: Vec<Lit> = pairs.into_iter().map(|(inside, there)| self.circuit.any([!inside, there])).collect();
        self.circuit.all(each)
    }

    fn equal(&mut self, left: &Expr, right: &Expr) -> Result<Lit, GaveUp> {
        match (self.value(left)?, self.value(right)?) {
            (Value::Boolean(one), Value::Boolean(other)) => Ok(self.circuit.same(one, other)),
            (Value::Single(one), Value::Single(other)) => Ok(self.meet(&one, &other)),
            (Value::Set(one), Value::Set(other)) => {
                let both = [self.includes(&one, &other), self.includes(&other, &one)];
                Ok(self.circuit.all(both))
            }
            // Values of different sorts are never equal.
            (Value::Boolean(_) | Value::Single(_) | Value::Set(_), _) => Ok(!self.circuit.yes()),
        }
    }

    fn pairs(&mut self, left: &Expr, right: &Expr) -> Result<Vec<(Atom, Atom, Lit)>, GaveUp> {
        let (one, other) = (self.single(left)?, self.single(right)?);
        if one.len() * other.len() > VALUES_MAX {
            return Err(GaveUp::new(format!("`{left}` and `{right}` can have more than {VALUES_MAX} values together")));
        }
        let mut pairs = Vec::new();
        for (first, holds) in &one {
            for (second, also) in &other {
                pairs.push((first.clone(), second.clone(), self.circuit.all([*holds, *also])));
            }
        }
        Ok(pairs)
    }

    fn order(&mut self, left: &Expr, right: &Expr, holds: fn(i64, i64) -> bool) -> Result<Value, GaveUp> {
        let pairs = self.pairs(left, right)?;
        let ordered =
            pairs.into_iter().filter(|(one, other, _)| integer(one).zip(integer(other)).is_some_and(|(one, other)| holds(one, other)));
        let conditions: Vec<Lit> = ordered.map(|(_, _, both)| both).collect();
        Ok(Value::Boolean(self.circuit.any(conditions)))
    }

    fn arithmetic(&mut self, left: &Expr, right: &Expr, compute: fn(i64, i64) -> Option<i64>) -> Result<Value, GaveUp> {
        let pairs = self.pairs(left, right)?;
        let results = pairs.into_iter().map(|(one, other, both)| {
            let result = integer(&one).zip(integer(&other)).and_then(|(one, other)| compute(one, other));
            (result, both)
        });
        let results = results.collect();
        self.computed(results)
    }

    /// Joins equal results; one that overflows is a failure.
    fn computed(&mut self, results: Vec<(Option<i64>, Lit)>) -> Result<Value, GaveUp> {
        let mut table: BTreeMap<i64, Vec<Lit>> = BTreeMap::new();
        for (result, holds) in results {
            match result {
                Some(number) => table.entry(number).or_default().push(holds),
                None => {
                    let fails = self.circuit.all([self.path, holds]);
                    self.failures.push(fails);
                }
            }
        }
        let joined: Vec<(Atom, Vec<Lit>)> = table.into_iter().map(|(number, any)| (Atom::Number(number), any)).collect();
        Ok(Value::Single(joined.into_iter().map(|(atom, any)| (atom, self.circuit.any(any))).collect()))
    }

    /// Membership of units is a variable of its own; everything else was made plain when it was placed.
    fn within(&mut self, left: &Expr, right: &Expr) -> Result<Value, GaveUp> {
        let (Expr::Var(Var::Principal), Expr::Literal(Literal::EntityUID(group))) = (left, right) else {
            return Err(GaveUp::new(format!("`{left} in {right}` is a membership that the search does not know")));
        };
        let id = group.eid.to_string();
        if let Some(within) = self.units.get(&id).filter(|_| group.ty.to_string() == "Unit") {
            return Ok(Value::Boolean(*within));
        }
        let table = self.single.get(PRINCIPAL);
        let same = table.and_then(|table| table.get(&Atom::Entity(group.ty.to_string(), id))).copied();
        Ok(Value::Boolean(same.unwrap_or(!self.circuit.yes())))
    }

    fn like(&mut self, expr: &Expr, pattern: &[PatternElem]) -> Result<Value, GaveUp> {
        let table = self.single(expr)?;
        let mut matching = Vec::new();
        for (atom, holds) in table {
            let Atom::Text(text) = atom else { return Err(GaveUp::new(format!("`{expr}` is not a text"))) };
            if matches(&text.chars().collect::<Vec<_>>(), pattern) {
                matching.push(holds);
            }
        }
        Ok(Value::Boolean(self.circuit.any(matching)))
    }

    fn choice(&mut self, cond: &Expr, [yes, no]: [&Expr; 2]) -> Result<Value, GaveUp> {
        let chosen = self.boolean(cond)?;
        let before = self.path;
        self.path = self.circuit.all([before, chosen]);
        let first = self.value(yes);
        self.path = self.circuit.all([before, !chosen]);
        let second = self.value(no);
        self.path = before;
        match (first?, second?) {
            (Value::Boolean(one), Value::Boolean(other)) => {
                let parts = [self.circuit.all([chosen, one]), self.circuit.all([!chosen, other])];
                Ok(Value::Boolean(self.circuit.any(parts)))
            }
            (Value::Single(one), Value::Single(other)) => Ok(Value::Single(self.merged(chosen, [one, other]))),
            (Value::Set(one), Value::Set(other)) => Ok(Value::Set(self.merged(chosen, [one, other]))),
            (Value::Boolean(_) | Value::Single(_) | Value::Set(_), _) => Err(GaveUp::new("a choice between values of different sorts")),
        }
    }

    fn merged(&mut self, chosen: Lit, [one, other]: [Table; 2]) -> Table {
        let mut merged: BTreeMap<Atom, Vec<Lit>> = BTreeMap::new();
        for (table, when) in [(one, chosen), (other, !chosen)] {
            for (atom, holds) in table {
                let both = self.circuit.all([when, holds]);
                merged.entry(atom).or_default().push(both);
            }
        }
        merged.into_iter().map(|(atom, any)| (atom, self.circuit.any(any))).collect()
    }

    fn set<'e>(&mut self, members: impl Iterator<Item = &'e Expr>) -> Result<Value, GaveUp> {
        let mut set: BTreeMap<Atom, Vec<Lit>> = BTreeMap::new();
        for member in members {
            for (atom, holds) in self.single(member)? {
                set.entry(atom).or_default().push(holds);
            }
        }
        Ok(Value::Set(set.into_iter().map(|(atom, any)| (atom, self.circuit.any(any))).collect()))
    }
}

fn integer(atom: &Atom) -> Option<i64> {
    if let Atom::Number(number) = atom { Some(*number) } else { None }
}

fn matches(text: &[char], pattern: &[PatternElem]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((PatternElem::Wildcard, rest)), None) => matches(text, rest),
        (Some((PatternElem::Wildcard, rest)), Some((_, shorter))) => matches(text, rest) || matches(shorter, pattern),
        (Some((PatternElem::Char(wanted), rest)), Some((found, shorter))) => wanted == found && matches(shorter, rest),
        (None, Some(_)) | (Some((PatternElem::Char(_), _)), None) => false,
    }
}
