#pragma once

#include <string>

// The reference of manifests and of the platform file, made of the embedded schemas, so that what
// the README says is what the validator does.
namespace fairlead {

// Markdown: a heading and a table (field, what it is, default, meaning) for every map.
std::string manifest_reference_markdown();

}  // namespace fairlead
