#pragma once

#include <string>

#include "reconciler/cli/verbs.h"

// The verb `adopt`: looks into an image and prints the manifest to drop into the folder. Apart from
// a pull that was asked for it leaves nothing on the engine: the container that it reads the image
// through is never started and removed in every case; one that a killed run left behind is removed
// by the next run for the same image.
namespace fairlead::cli {

struct AdoptOptions {
  std::string image;
  bool pull = false;  // an image that is not on the host
};

int adopt(const Common& common, const AdoptOptions& options);  // 0 or 1

}  // namespace fairlead::cli
