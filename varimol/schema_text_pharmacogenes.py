"""The tables of star alleles in words, as `varimol.schema_text` has the others."""

from __future__ import annotations

PHARMACOGENES = """\
# diplotypes | stars, link
One candidate diplotype of a patient's gene; by patient, gene and rank.
sample_id          string   patient, as named in the variant file
gene               string   pharmacogene
rank               integer  1 is the most probable; in genes read variant by variant, what was seen stands before what hides and has the same function
diplotype          string   star alleles a/b, or a for one copy; empty where it abstains
posterior          number?  [probability] probability given the calls and the alleles' frequencies
posterior_no_prior number?  [probability] the same with every diplotype equally likely beforehand
status             string   how sure it is {called, ambiguous, abstain}
phenotype          string   metaboliser phenotype; Indeterminate where a function is not known
activity_score     number?  sum of the alleles' activity values, for genes that have them
sites_missing      string   sites of the definition that were not observed
sites_no_call      string   those of them that the file has without a call
sites_filtered     string   those of them that were filtered out or of low quality
sites_settling     string   those of them that tell the candidates apart: what another assay should look at
unobserved_alleles string   alleles that sites not observed may hide
variants           string   all variants carried (genes read variant by variant), bases (genes read as genotypes), or what calls that no known diplotype explains come nearest to
assumptions        string   what was taken for granted
reason             string   why it abstains, or why an ambiguous call is never acted on; empty otherwise

# phenotypes | stars, link
The diplotypes' posterior summed by phenotype; by patient, gene and falling probability.
sample_id   string patient, as named in the variant file
gene        string pharmacogene
phenotype   string metaboliser phenotype; diplotypes not listed stand together at the end
probability number [probability] of the phenotype
status      string how sure the diplotype is {called, ambiguous}

# undocumented_variants | stars, link
Variants in the pharmacogenes that no definition knows, carried by somebody; by gene and position.
gene       string  pharmacogene whose region holds it
contig     string  chromosome, as in the file
position   integer [base, 1-based] on the build of the calls
ref        string  base or bases of the file's reference
alt        string  base or bases carried
place      string  at a site of the definition; in an exon or the two bases beside it; elsewhere {site, exon, elsewhere}
n_called   integer samples with a call
n_carriers integer samples that carry it
n_copies   integer copies carried

# undocumented_carriers | stars, link
Who carries the undocumented variants; of more than 50 patients those at sites of the definitions and in exons alone.
sample_id  string  patient, as named in the variant file
gene       string  pharmacogene whose region holds it
contig     string  chromosome, as in the file
position   integer [base, 1-based] on the build of the calls
ref        string  base or bases of the file's reference
alt        string  base or bases carried
place      string  as in undocumented_variants {site, exon, elsewhere}
copies     integer copies carried
n_called   integer samples with a call
n_carriers integer samples that carry it

# recommendations | stars, link
Guidance for one patient and drug; by patient and drug.
sample_id      string   patient, as named in the variant file
drug           string   drug, lower case
gene           string   its gene, or A+B
phenotype      string   the patient's phenotype, or phenotypes joined by +
recommendation string   what the guidance asks for, in our words: doses, limits, conditions, alternatives
strength       string   strength of the guidance; empty where the source has none
probability    number?  [probability] of the recommendation, summed over diplotypes
active         boolean  sure enough to act on
source         string   the guidance and its version
action         string   kind of recommendation, e.g. standard, avoid, reduce dose
diplotype      string   the patient's diplotype, or diplotypes joined by +
population     string   whom it is meant for, where its source names them; empty otherwise
reason         string   why it is not active; empty otherwise
"""
