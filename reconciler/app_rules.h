#pragma once

#include "reconciler/app.h"
#include "reconciler/field.h"

// The rules between several fields of one manifest, which neither a schema nor a unit can say:
// ports published twice, two mounts at one path, an exclusive storage with replicas. Part of
// parse_app(); what is wrong becomes a finding at the field that a person would change.
namespace fairlead {

// `root` is the document that `app` was read from. Fields of `app` that were refused are absent.
void check_rules(const App& app, const Field& root);

}  // namespace fairlead
