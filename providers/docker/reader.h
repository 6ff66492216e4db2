#pragma once

#include <optional>
#include <string>
#include <vector>

#include "providers/docker/seen.h"
#include "providers/docker/steps.h"
#include "providers/provider.h"
#include "reconciler/image_manifest.h"

// How the manifest in an image is read without running anything of it: a container of the image is
// created and never started, three files are asked of it, it is removed. Such a reader belongs to
// one app and bears its name and the image's id, so that one that a crash left behind is found and
// used, or removed. Pure.
namespace fairlead::docker {

// The identity of the reader of this image: "blog.manifest.0123456789ab".
Identity reader_identity(const std::string& app, const std::string& image_id);

// One entry of GET /containers/json. Nothing where it is not proven to be our container of this
// kind ("reader", "keeper"), by its name too: images hand labels on.
std::optional<NeverStarted> decode_never_started(const Keys& keys, std::string_view kind,
                                                 const Json& entry);

// The create request of a container that only its files are wanted of. In the places of the image's
// volumes the engine would make volumes, and copy all that is in them.
Json reader_body(const std::string& image_id, const std::vector<std::string>& volumes,
                 const Json& labels);

// Whether a create request is exactly what reader_body() makes for this name. Errors: invalid.
Result<void> check_reader(const Json& body, const std::string& name);

// One answer to GET /containers/ID/archive?path=PATH. `place` is empty where there is no such file.
// Errors: unavailable, which says nothing of the image.
Result<ImageContent> decode_archive(std::string_view path, const Answer& answer);

// Whether a reader is needed to know what the image says.
bool needs_reader(const SeenImage& image, const ImageManifests* known);

// The steps towards knowing what the image that is to be read says, and those that clear away the
// readers of others.
struct Reading {
  std::optional<std::size_t> wait;  // until it is known; absent: nothing is to be read
  std::optional<std::size_t> pull;  // of the image
};
Reading plan_reading(const View& view, const SeenApp& seen, const Steps& steps, Plan& plan,
                     Report& report);

}  // namespace fairlead::docker
