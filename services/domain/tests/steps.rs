//! The work for a request is linear in its bytes. For every list of every request, the lookups, the communes visited
//! and the allocations are counted for n values and for twice as many. No time is measured.

#![allow(clippy::unwrap_used)]

use allocation_counter::measure;
use cra_contracts::{FILE_DESCRIPTOR_SET, bounds, v1};
use cra_domain::cra::Submission;
use cra_domain::perimeter::{Lists, Perimeter};
use cra_domain::selection::{self, Selection};
use cra_domain::steps;
use cra_fixtures::requests::{filled, lists};
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, Kind, Value};

/// Maximum number of steps and allocations per byte: a code of two letters takes four bytes of a request.
const STEPS_PER_BYTE: u64 = 4;
/// Maximum number of bytes allocated per byte of a request.
const ALLOCATED_PER_BYTE: u64 = 128;
/// Fixed allowance for any query: a few passes over the 35,000 communes.
const STEPS_OF_ANY: u64 = 200_000;
const ALLOCATED_OF_ANY: u64 = 1 << 20;

/// Content of a list.
#[derive(Clone, Copy, Debug)]
enum Filling {
    /// One known value, repeated.
    Known,
    /// As many distinct unknown values.
    Unknown,
}

fn one(field: &FieldDescriptor, filling: Filling, number: usize) -> Value {
    let known = match field.name() {
        "region_codes" => "53",
        "epci_codes" => "243500139",
        // Paris, with its arrondissements.
        "commune_codes" => "75056",
        "postal_codes" => "35000",
        _ => "35",
    };
    match (field.kind(), filling) {
        (Kind::Enum(_), Filling::Known) => Value::EnumNumber(1),
        (Kind::Enum(_), Filling::Unknown) => Value::EnumNumber(-1),
        (Kind::String, Filling::Known) => Value::String(known.to_owned()),
        (Kind::String, Filling::Unknown) => Value::String(format!("x{number}")),
        (Kind::Message(of), _) => Value::Message(DynamicMessage::new(of)),
        (Kind::Uint64, _) => Value::U64(number as u64),
        (other, _) => panic!("a list of {other:?}: say how one value is made"),
    }
}

/// A field of a message, decoded.
fn part<M: prost::Message + Default>(message: &DynamicMessage, name: &str) -> Option<M> {
    match message.get_field_by_name(name)?.as_ref() {
        Value::Message(part) => M::decode(part.encode_to_vec().as_slice()).ok(),
        _ => None,
    }
}

/// Cost of a request without its decoding.
#[derive(Clone, Copy, Debug)]
struct Cost {
    bytes: u64,
    steps: u64,
    allocated: u64,
}

fn cost(path: &str, message: &DynamicMessage, perimeter: &Perimeter) -> Cost {
    let bytes = message.encode_to_vec();
    let selection = part::<v1::Selection>(message, "selection");
    let submission = part::<v1::SubmitCraRequest>(message, "submission");
    let cra = part::<v1::Cra>(message, "cra").or(submission.and_then(|it| it.cra));
    let before = steps::count();
    let allocations = measure(|| {
        if let Some(mut scan) = bounds::scan_of_method(path) {
            scan.read(&bytes);
            assert!(scan.into_exceeded().is_empty());
        }
        if let Some(selection) = &selection {
            let reading = Selection::read(selection);
            let _ = perimeter.allows(&reading.selection);
            let _ = reading.selection.territories.matching().count();
            if reading.violations.is_empty() {
                let _ = selection::restrictions(reading.selection.message());
            }
        }
        if let Some(cra) = &cra {
            let _ = Submission::parse(Some(cra), "2026-01-01T00:00:00Z".parse().unwrap());
        }
    });
    Cost {
        bytes: bytes.len() as u64,
        steps: steps::count() - before + allocations.count_total,
        allocated: allocations.bytes_total,
    }
}

fn assert_linear(once: Cost, twice: Cost, about: &str) {
    let about = format!("{about}: {once:?}, {twice:?}");
    assert!(once.steps <= STEPS_PER_BYTE * once.bytes + STEPS_OF_ANY, "{about}");
    assert!(once.allocated <= ALLOCATED_PER_BYTE * once.bytes + ALLOCATED_OF_ANY, "{about}");
    let bytes = twice.bytes - once.bytes;
    assert!(twice.steps.saturating_sub(once.steps) <= STEPS_PER_BYTE * bytes, "{about}");
    assert!(twice.allocated.saturating_sub(once.allocated) <= ALLOCATED_PER_BYTE * bytes, "{about}");
}

#[test]
fn the_steps_of_a_request_grow_with_its_bytes_for_every_list_of_every_request() {
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap();
    let perimeter = Lists::parse(&["a".to_owned()], &[], &["29".to_owned()], &["53".to_owned()]);
    let perimeter = Perimeter::Within(perimeter.unwrap());
    let mut counted = 0;
    for service in pool.services().filter(|service| service.package_name() == "cra.v1") {
        for method in service.methods() {
            let path = format!("/{}/{}", service.full_name(), method.name());
            for fields in lists(&method.input()) {
                let name = fields.iter().map(FieldDescriptor::name).collect::<Vec<_>>().join(".");
                let count = if matches!(fields.last().unwrap().kind(), Kind::Enum(_)) { 4 } else { 500 };
                for filling in [Filling::Known, Filling::Unknown] {
                    let of = |count| {
                        let values =
                            |field: &_| (0..count).map(|number| one(field, filling, number)).collect();
                        cost(&path, &filled(method.input(), &fields, &values), &perimeter)
                    };
                    // Builds the tables that are initialised at first use.
                    let _ = of(count);
                    assert_linear(of(count), of(2 * count), &format!("{path} {name} {filling:?}"));
                    counted += 1;
                }
            }
        }
    }
    assert!(counted > 2 * 9 * 15, "only {counted} lists");
}

#[test]
fn a_perimeter_of_repeated_regions_takes_one_lookup_each() {
    let cost = |count| {
        let (departments, before) = (vec!["53".to_owned(); count], steps::count());
        let allocations = measure(|| assert!(Lists::parse(&[], &[], &[], &departments).is_ok()));
        steps::count() - before + allocations.count_total
    };
    let _ = cost(1);
    let (once, twice) = (cost(2_500), cost(5_000));
    assert!(twice - once <= 2 * 2_500, "{once}, {twice}");
}
