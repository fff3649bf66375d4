// SPDX-License-Identifier: MIT
/*
 * Names of capabilities by number, in small letters and without "cap_".
 */
#ifndef CR_LIB_IMAGE_CAPS_H
#define CR_LIB_IMAGE_CAPS_H

extern const char *const cr_cap_names[];
extern const unsigned cr_nr_cap_names;

#endif
