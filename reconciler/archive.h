#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "reconciler/result.h"

// Reads the tar that an engine answers when it is asked for one file of a container. The tar is
// made of what a foreign image holds, so that all but the one expected form is refused: a ustar
// header, one pax header before it at most, and only in what does not matter here; one entry; the
// blocks of zeros that end a tar. Pure; errors are `invalid` and say what was found instead.
namespace fairlead {

// The content of the one entry, which must be a regular file of this name and no longer than
// `bytes_max`.
Result<std::string> only_file(std::string_view tar, std::string_view name, std::size_t bytes_max);

}  // namespace fairlead
