#pragma once

#include <string>

#include "reconciler/json.h"

// What `fairlead images APP` prints, made from the JSON that programs get. Pure.
namespace fairlead::cli {

std::string images_text(const Json& images);

}  // namespace fairlead::cli
