#pragma once

#include <string>

#include "providers/provider.h"

// What an answer of the server means, by one table of its error numbers. Pure.
namespace fairlead::mariadb {

inline constexpr int error_wrong_password = 1045;

// The server's words with number, and what to do: "1040 Too many connections; …".
std::string explain(const Answer& answer);
Code code_of(const Answer& answer);

Outcome judge_step(const Step& step, const Answer& answer);

}  // namespace fairlead::mariadb
