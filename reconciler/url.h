#pragma once

#include <string>
#include <string_view>

// Text as a part of a URL (RFC 3986). Pure.
namespace fairlead {

// Under which visitors reach an app.
enum class Scheme { http, https };

// Everything but letters, digits and -._~ as %XX.
std::string percent_encode(std::string_view text);

// A name in an endpoint or URL: an IPv6 address goes into brackets.
std::string host_in_url(const std::string& host);

}  // namespace fairlead
